// Every host function in a loop, within turns of real stores: what it takes on behalf of a guest is given back.
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { type AddressInfo, createServer as createTcp, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ComponentHandle, LoadOptions } from '../../../src/index.ts';
import { execution } from '../../../src/runtime/execution/index.ts';
import type { HostState } from '../../../src/runtime/host/host-state.ts';
import { actor } from '../../../tools/components/actor-wat.ts';
import { HOOKED } from '../host-turns.ts';
import { HostCalls } from './host-calls.ts';
import { type HostTable, hostTable } from './host-table.ts';
import type { Maker } from './scenario.ts';
import { ENDING, OVER_TURNS, SCENARIOS } from './scenarios.ts';
import { atOnce, LONG_SUITE, leavesNothing, ROUNDS, SLOW_ROUNDS } from './watch.ts';

export function loopsOfHostFunctions(): void {
  describe('a loop over host functions', () => {
    const tcp = createTcp((socket) => void socket.on('error', () => {}).pipe(socket));
    const http = createHttp((_, response) => void response.end('answer'));
    let table: HostTable;
    let calls: HostCalls;
    let hooked: Uint8Array;
    let options: LoadOptions;
    let act: () => void = () => {};
    let loaded: ComponentHandle | undefined;
    /** Bytes that the store is charged with while nothing runs. */
    let baseline = 0;
    let folder = '';

    beforeAll(async () => {
      const ports = { tcp: await listening(tcp), http: await listening(http) };
      folder = mkdtempSync(join(tmpdir(), 'vivarium-loop-'));
      mkdirSync(join(folder, 'folder'));
      writeFileSync(join(folder, 'file'), 'content');
      symlinkSync('file', join(folder, 'link'));
      const audit = { append: () => {}, close: async () => undefined };
      const limits = { maxExecutionTimeMs: 60_000 };
      table = await hostTable({ limits, overrides: { audit }, storage: { quotaBytes: 65_536 } });
      calls = new HostCalls(table.interfaces, ports);
      hooked = await parse(HOOKED);
      options = {
        grants: [
          'filesystem:*:/data/**',
          'storage:*:**',
          'messaging:*:**',
          `network:connect:tcp://127.0.0.1:${ports.tcp}`,
          'network:connect:tcp://localhost:80',
          'network:listen:tcp://127.0.0.1:*',
          'network:listen:udp://127.0.0.1:*',
          `network:connect:http://127.0.0.1:${ports.http}`,
        ],
        preopens: { '/data': folder },
        imports: { hook: { default: () => act() } },
        id: 't/loop/1',
      };
      await table.runtime.load(await actor(), { id: 't/neighbour/1' });
    });
    afterAll(async () => {
      await table.runtime.close();
      http.closeAllConnections();
      http.close();
      tcp.close();
      rmSync(folder, { recursive: true });
    });

    /** A loop that breaks its store gets a new one made for the next loop. */
    async function store(): Promise<ComponentHandle> {
      if (loaded !== undefined && table.runtime.state(loaded) === 'ready') return loaded;
      if (loaded !== undefined) await table.runtime.unload(loaded);
      loaded = await table.runtime.load(hooked, options);
      baseline = (await turn(loaded, fillOutputs)).hostMemory.taken;
      return loaded;
    }

    /** A store keeps a line of either output until it ends; from now on neither grows. */
    function fillOutputs(): void {
      for (const name of ['wasi:cli/stdout#getStdout', 'wasi:cli/stderr#getStderr']) {
        calls.on(calls.call(name), 'write', Buffer.alloc(20_000));
      }
      calls.drop();
    }

    /** Runs something within a turn. */
    async function turn(handle: ComponentHandle, what: () => void): Promise<HostState> {
      let state: HostState | undefined;
      act = () => {
        state = execution.running.state;
        what();
      };
      await table.runtime.call(handle, 'run');
      return state as HostState;
    }

    function round(scenario: Maker<void>): void {
      try {
        scenario(calls);
      } catch (thrown) {
        // A receiver may not be had, because its quota is taken; a failure of the host's is what is looked for.
        if (thrown instanceof Error) throw thrown;
      } finally {
        calls.drop();
      }
    }

    it('knows every function that the linker has', () => {
      const known = [...SCENARIOS.map(([name]) => name), ...ENDING, ...OVER_TURNS];
      expect(known.toSorted()).toEqual(table.functions);
    });

    /** Runs a loop; the charges of its store are then what they were. */
    async function givesBack(loop: (handle: ComponentHandle) => Promise<void>, memory?: boolean): Promise<void> {
      const handle = await store();
      const { hostMemory } = await turn(handle, () => {});
      // What an earlier loop began may still be ending; what the store holds at rest was measured when it was made.
      const before = baseline;
      await leavesNothing(() => loop(handle), memory);
      await expect.poll(() => hostMemory.taken, { interval: 20 }).toBe(before);
    }

    it.each(SCENARIOS)('leaves nothing of %s', async (_, scenarios) => {
      await givesBack(async (handle) => {
        // In one turn, and with the event loop between them: what ends later may be dropped before or after it began.
        for (const scenario of scenarios) {
          await turn(handle, () => {
            for (let i = 0; i < ROUNDS; i++) atOnce(() => round(scenario));
          });
          await turn(handle, () => round(scenario));
        }
      }, LONG_SUITE);
    });

    it('leaves no memory of all of them', async () => {
      const all = async (handle: ComponentHandle): Promise<void> => {
        for (const [, scenarios] of SCENARIOS) {
          for (const scenario of scenarios) await turn(handle, () => round(scenario));
        }
      };
      // Whatever is made once, as compiled code or a first connection, is not what a loop leaves.
      await all(await store());
      await givesBack((handle) => repeated(SLOW_ROUNDS, () => all(handle)));
    });

    it.each(ENDING)('leaves nothing of %s, which ends the store', async (name) => {
      await leavesNothing(async () => {
        const handle = await store();
        const ended = turn(handle, () => void calls.call(name, name.endsWith('Code') ? 3 : { tag: 'ok' }));
        await expect(ended).rejects.toMatchObject({ code: expect.stringMatching(/^RUNTIME_(EXITED|TRAP)$/) });
      }, LONG_SUITE);
    });

    it('leaves nothing of answers that take several turns', async () => {
      await exchange(await store());
      await givesBack((handle) => repeated(SLOW_ROUNDS, () => exchange(handle)));
    });

    async function exchange(handle: ComponentHandle): Promise<void> {
      let future: object = {};
      await turn(handle, () => {
        future = calls.begin(calls.request());
      });
      const isReady = async (): Promise<boolean> => {
        let is = false;
        await turn(handle, () => {
          is = calls.on<boolean>(calls.on(future, 'subscribe'), 'ready');
          calls.drop();
        });
        return is;
      };
      await expect.poll(isReady, { interval: 5 }).toBe(true);
      await turn(handle, () => {
        const { val } = calls.on<{ val: { val: object } }>(calls.keep(future), 'get');
        const response = val.val;
        expect(calls.on(response, 'status')).toBe(200);
        calls.on(response, 'headers');
        const body = calls.on(response, 'consume');
        calls.on(calls.on(body, 'stream'), 'read', 100n);
        const trailers = calls.on(calls.of('wasi:http/types#IncomingBody'), 'finish', body);
        calls.on(trailers, 'subscribe');
        calls.on(trailers, 'get');
        calls.on(trailers, 'get');
        calls.drop();
      });
    }
  });
}

async function repeated(times: number, act: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < times; i++) await act();
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
