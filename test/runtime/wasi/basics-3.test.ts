// What wasmtime's own programs ask of clocks, random numbers, the environment and standard streams in WASI 0.3 (`p3_clocks_sleep`,
// `p3_random_imports`, `p3_cli`, `cli_p3_hello_stdout`, `cli_p3_much_stdout`).
import { PassThrough } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { HostStream } from '../../../src/runtime/host/host-streams.ts';
import type { HostCalls } from '../../support/host-loop/host-calls.ts';
import { HostTurns } from '../../support/host-turns.ts';

let turns: HostTurns;
let h: HostCalls;
beforeAll(async () => {
  turns = await HostTurns.make();
  h = turns.host;
});
afterAll(() => turns.runtime.close());
afterEach(() => turns.unload());

describe('the monotonic clock of WASI 0.3', () => {
  const clock = (name: string, ...args: readonly bigint[]): unknown =>
    h.call(`wasi:clocks/monotonic-clock@0.3#${name}`, ...args);

  it('is not waited for where the time has come', async () => {
    await turns.load({});
    await turns.turn(() => {
      const now = clock('now') as bigint;
      expect([
        clock('waitUntil', now),
        clock('waitUntil', now - 1n),
        clock('waitUntil', 0n),
        clock('waitFor', 0n),
      ]).toEqual([undefined, undefined, undefined, undefined]);
    });
  });

  it('is waited for until a time and for a time', async () => {
    await turns.load({});
    const before = await turns.turn(() => clock('now') as bigint);
    await turns.later(() => clock('waitUntil', before + 10_000_000n));
    await turns.later(() => clock('waitFor', 10_000_000n));
    expect(await turns.turn(() => clock('now') as bigint)).toBeGreaterThanOrEqual(before + 20_000_000n);
  });
});

describe.each([
  ['0.2', 'wasi:random/insecure-seed#insecureSeed'],
  ['0.3', 'wasi:random/insecure-seed@0.3#getInsecureSeed'],
])('random numbers of WASI %s', (_, seed) => {
  it('have one insecure seed for each instance', async () => {
    const seeds: unknown[] = [];
    for (let instance = 0; instance < 2; instance++) {
      if (instance > 0) await turns.unload();
      await turns.load({});
      const [one, two] = await turns.turn(() => [h.call(seed), h.call(seed)]);
      expect(one).toEqual(two);
      seeds.push(one);
    }
    expect(seeds[0]).not.toEqual(seeds[1]);
  });
});

it('random bytes of WASI 0.3 are as many as were asked for, and numbers are not 0 for ever', async () => {
  await turns.load({});
  await turns.turn(() => {
    for (const [from, name] of [
      ['wasi:random/random@0.3', 'Random'],
      ['wasi:random/insecure@0.3', 'InsecureRandom'],
    ] as const) {
      expect(h.call<Uint8Array>(`${from}#get${name}Bytes`, 100n)).toHaveLength(100);
      expect(
        Array.from({ length: 100 }, () => h.call<bigint>(`${from}#get${name}U64`)).some((each) => each !== 0n),
      ).toBe(true);
    }
  });
});

describe('the command line of WASI 0.3', () => {
  it('has arguments, variables, no folder of its own and no terminal', async () => {
    await turns.load({ args: ['tool', '.'], env: { A: 'b' } });
    await turns.turn(() => {
      expect(h.call('wasi:cli/environment@0.3#getArguments')).toEqual(['tool', '.']);
      expect(h.call('wasi:cli/environment@0.3#getEnvironment')).toEqual([['A', 'b']]);
      expect(h.call('wasi:cli/environment@0.3#getInitialCwd')).toBeUndefined();
      for (const name of ['Stdin', 'Stdout', 'Stderr']) {
        const terminal = `wasi:cli/terminal-${name.toLowerCase()}@0.3#getTerminal${name}`;
        expect(h.call(terminal)).toBeUndefined();
      }
    });
  });

  it('reads nothing where nothing was given, and what was given otherwise', async () => {
    const stdin = new PassThrough();
    stdin.end('given');
    for (const [options, text] of [
      [{}, ''],
      [{ stdin }, 'given'],
    ] as const) {
      if (text !== '') await turns.unload();
      await turns.load(options);
      const [stream, ended] = await turns.turn(() => h.call<[HostStream, unknown]>('wasi:cli/stdin@0.3#readViaStream'));
      expect(Buffer.from(await turns.collected(stream)).toString()).toBe(text);
      expect(await ended).toEqual({ tag: 'ok', val: undefined });
    }
  });

  it.each(['stdout', 'stderr'] as const)(
    'writes to %s what it is given, little and much, several streams in turn',
    async (name) => {
      const output = new PassThrough();
      const written = output.toArray();
      await turns.load({ [name]: output });
      const texts = ['hello\n', 'x'.repeat(1_000_000), ''];
      for (const text of texts) {
        const { stream, taken } = turns.writes(Buffer.from(text));
        const ended = await turns.later(() => h.call(`wasi:cli/${name}@0.3#writeViaStream`, stream));
        expect([taken(), ended]).toEqual([text.length, { tag: 'ok', val: undefined }]);
      }
      output.end();
      expect(Buffer.concat(await written).toString()).toBe(texts.join(''));
    },
  );

  it('tells who writes that the output is closed', async () => {
    const stdout = new PassThrough();
    stdout.destroy();
    await turns.load({ stdout });
    const { stream } = turns.writes(Buffer.from('undeliverable'));
    expect(await turns.later(() => h.call('wasi:cli/stdout@0.3#writeViaStream', stream))).toEqual({
      tag: 'err',
      val: 'pipe',
    });
  });
});
