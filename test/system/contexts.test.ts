// Whose context it is in which a turn, its imports and its events run: that of the code which sent the message.
import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { describe, expect, it } from 'vitest';
import { createRuntime } from '../../src/index.ts';
import { actor, componentOf } from '../../tools/components/actor-wat.ts';
import { DESTROYING_GUEST, REST } from '../support/destroying-guest.ts';
import { GIVEN } from '../support/worlds.ts';

const LOG = '(import "vivarium:actor/host-services@0.1.0" "log" (func $log (param i32 i32 i32 i32 i32)))';
const SEND =
  '(import "vivarium:actor/host-messaging@0.1.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))';
/** Logs its payload, which is the name of the tenant, and echoes it; traps for what begins with `!`. */
const LOG_PAYLOAD = `(call $log (i32.const 2) (i32.load offset=24 (local.get $msg)) (i32.load offset=28 (local.get $msg)) (i32.const 0) (i32.const 0))
  (if (i32.eq (i32.load8_u (i32.load offset=24 (local.get $msg))) (i32.const 33)) (then unreachable))`;
const ECHO = `(i32.store8 (i32.const 16) (i32.const 0)) (i32.store8 (i32.const 20) (i32.const 1))
  (i32.store (i32.const 24) (i32.load offset=24 (local.get $msg)))
  (i32.store (i32.const 28) (i32.load offset=28 (local.get $msg))) (i32.const 16)`;
const logger = () => actor({ fields: LOG, handleMessage: `${LOG_PAYLOAD} ${ECHO}` });
const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();

describe('the context of a message', () => {
  it('is that of its turn and its events, for 4 tenants on 40 connections of one server', {
    timeout: 600_000,
  }, async () => {
    const tenants = new AsyncLocalStorage<string>();
    await using runtime = await createRuntime();
    const shared = await runtime.load(await logger());
    const guest = await componentOf(
      `(module (import "test:given/host@1.0.0" "twice" (func $twice (param i32) (result i32))) (memory (export "memory") 1)
        (func (export "run") (param i32) (result i32) (call $twice (local.get 0))))`,
      GIVEN,
      'guest',
    );
    const seen: [string | undefined, string][] = [];
    const twice = (n: number): number => {
      seen.push([tenants.getStore(), `tenant-${n}`]);
      return n;
    };
    const called = await runtime.load(guest, { imports: { 'test:given/host@1.0.0': { twice } } });
    runtime.on('log', ({ message }) => void seen.push([tenants.getStore(), message]));
    const server = createServer((request, response) => {
      const tenant = (request.url ?? '').slice(1);
      tenants.run(tenant, async () => {
        const replies = await Promise.all([
          runtime.request(shared, Buffer.from(tenant)),
          runtime.call(called, 'run', Number(tenant.slice(-1))),
          runtime.send(shared, Buffer.from(tenant)),
          runtime.request(shared, Buffer.from(tenant)),
        ]);
        response.end(`${text(replies[0])} ${tenants.getStore()}`);
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const connections = Array.from({ length: 40 }, async (_, index) => {
      const tenant = `tenant-${index % 4}`;
      for (let round = 0; round < 12; round += 1) {
        const answer = await fetch(`http://127.0.0.1:${port}/${tenant}`);
        expect(await answer.text()).toBe(`${tenant} ${tenant}`);
      }
    });
    await Promise.all(connections);
    server.close();
    server.closeAllConnections();
    expect(seen).toHaveLength(40 * 12 * 4);
    expect(seen.filter(([context, tenant]) => context !== tenant)).toEqual([]);
  });

  it('goes on with what a turn sends, and with what becomes of a message that fails', async () => {
    const tenants = new AsyncLocalStorage<string>();
    await using runtime = await createRuntime();
    await runtime.load(await logger(), { id: 'demo/logger/1' });
    const forward = await actor({
      fields: `${SEND} (data (i32.const 512) "demologger1")`,
      handleMessage: `(call $send (i32.const 512) (i32.const 4) (i32.const 516) (i32.const 6) (i32.const 522) (i32.const 1)
        (i32.load offset=24 (local.get $msg)) (i32.load offset=28 (local.get $msg)) (i32.const 64)) ${ECHO}`,
    });
    const handle = await runtime.load(forward, { grants: ['messaging:send:demo/**'] });
    const seen: [string, string | undefined, string][] = [];
    runtime.on('log', ({ message }) => void seen.push(['log', tenants.getStore(), message]));
    runtime.on('dead-letter', ({ message }) => void seen.push(['dead', tenants.getStore(), text(message.payload)]));
    runtime.on('state', ({ to }) => void seen.push([to, tenants.getStore(), '!four']));
    await Promise.all(
      ['one', 'two', 'three', '!four'].map((tenant) =>
        tenants.run(tenant, () => runtime.request(handle, Buffer.from(tenant))),
      ),
    );
    await expect.poll(() => seen.map(([what]) => what).sort()).toEqual(['dead', 'failed', 'log', 'log', 'log', 'log']);
    expect(seen.filter(([, context, tenant]) => context !== tenant)).toEqual([]);
  });

  it('is no longer that of a message when supervision restarts its actor: that is the context of the load', async () => {
    const tenants = new AsyncLocalStorage<string>();
    await using runtime = await createRuntime();
    const seen: [string, string | undefined][] = [];
    const handle = await tenants.run('load', async () =>
      runtime.load(await logger(), { supervision: { restart: 'permanent', backoffMs: 1, maxRestarts: 3 } }),
    );
    runtime.on('state', ({ to }) => void seen.push([to, tenants.getStore()]));
    runtime.on('restart', () => void seen.push(['restart', tenants.getStore()]));
    const failed = tenants.run('sender', () => runtime.request(handle, Buffer.from('!')));
    await expect(failed).rejects.toMatchObject({ code: 'RUNTIME_TRAP' });
    expect(text(await tenants.run('other', () => runtime.request(handle, Buffer.from('x'))))).toBe('x');
    expect(seen.slice(0, 2)).toEqual([
      ['failed', 'sender'],
      ['restart', 'sender'],
    ]);
    expect(seen.slice(2)).toEqual([
      ['restarting', 'load'],
      ['initializing', 'load'],
      ['ready', 'load'],
    ]);
  });

  it('is none where none was in use, even in code that a tenant woke', async () => {
    const tenants = new AsyncLocalStorage<string>();
    await using runtime = await createRuntime();
    const handle = await runtime.load(await logger());
    const seen: [string | undefined, string][] = [];
    runtime.on('log', ({ message }) => void seen.push([tenants.getStore(), message]));
    const first = tenants.run('first', () => runtime.request(handle, Buffer.from('first')));
    const second = runtime.request(handle, Buffer.from('none'));
    const third = tenants.run('third', () => runtime.request(handle, Buffer.from('third')));
    await Promise.all([first, second, third]);
    expect(seen).toEqual([
      ['first', 'first'],
      [undefined, 'none'],
      ['third', 'third'],
    ]);
  });
});

describe('the context of a call of an asynchronous component', () => {
  it('is that of the host functions it calls, also where a task that another call has left lets it go on', async () => {
    const tenants = new AsyncLocalStorage<string>();
    await using runtime = await createRuntime();
    const seen: Record<number, string | undefined> = {};
    const waits: (() => void)[] = [];
    const imports = {
      note: (representation: number) => {
        seen[representation / REST] = tenants.getStore();
      },
      wait: (n: number) => new Promise((resolve) => waits.push(() => resolve(n))),
    };
    const handle = await runtime.load(await parse(DESTROYING_GUEST), { imports });
    const call = (name: string, n: number) => tenants.run(name, async () => runtime.call(handle, name, n, n * REST));
    expect(await call('late', 1)).toBe(1);
    const second = call('work', 2);
    await expect.poll(() => waits.length, { interval: 1 }).toBe(2);
    for (const end of waits) end();
    expect(await second).toBe(2);
    // The turn is that of the second call, and the task of the first one goes on in it.
    expect(seen).toEqual({ 1: 'work', 2: 'work' });
  });
});
