// What supervision, lifecycles and loads come to whatever a listener does, and after the ends that are easily forgotten.
import { setImmediate as nextStep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../src/index.ts';
import { actor, componentOf } from '../../tools/components/actor-wat.ts';
import { WASI } from '../support/worlds.ts';

const SEND =
  '(import "vivarium:actor/host-messaging@0.1.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))';
/** Sends to `a/a/a`, which it is not granted, and answers nothing. */
const SENDING = `(i32.store8 (i32.const 8) (i32.const 97))
  (call $send (i32.const 8) (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 32))
  (i32.store8 (i32.const 16) (i32.const 0)) (i32.store8 (i32.const 20) (i32.const 0)) (i32.const 16)`;
const TRAP = { handleMessage: 'unreachable' };
const event = (runtime: Runtime, name: 'restart' | 'gave-up' | 'state' | 'denied' | 'health'): Promise<unknown> =>
  new Promise((resolve) => {
    const off = runtime.on(name, (detail) => {
      off();
      resolve(detail);
    });
  });

describe('a listener that throws', () => {
  const thrown: unknown[] = [];
  let others: NodeJS.UncaughtExceptionListener[] = [];
  const note = (error: unknown): void => void thrown.push(error instanceof Error ? error.message : error);
  beforeEach(() => {
    thrown.length = 0;
    others = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException').on('uncaughtException', note);
  });
  afterEach(() => {
    process.removeAllListeners('uncaughtException');
    for (const other of others) process.on('uncaughtException', other);
  });

  it.each(['restart', 'gave-up', 'state', 'denied', 'log', 'dead-letter', 'health'] as const)(
    'to %s keeps nothing from going on, and its error is an uncaught exception',
    async (name) => {
      const runtime = await createRuntime();
      const heard: string[] = [];
      runtime.on(name, () => {
        throw new Error(`the listener to ${name}`);
      });
      runtime.on(name, () => void heard.push(name));
      const checked = event(runtime, 'health');
      const handle = await runtime.load(await actor({ ...TRAP, health: '(i32.const 2)' }), {
        supervision: {
          restart: 'permanent',
          maxRestarts: 1,
          withinMs: 60_000,
          backoffMs: 1,
          health: { everyMs: 20, failures: 1_000_000 },
        },
      });
      const asking = await componentOf(
        `(module (import "wasi:cli/stdout@0.2.3" "get-stdout" (func $stdout (result i32)))
          (import "wasi:io/streams@0.2.3" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))
          (memory (export "memory") 1) (data (i32.const 16) "x\\0a")
          (func (export "run") (param i32) (result i32) (call $write (call $stdout) (i32.const 16) (i32.const 2) (i32.const 64)) (i32.const 1)))`,
        WASI,
        'guest',
      );
      const printing = await runtime.load(asking);
      expect(await runtime.call(printing, 'run', 1)).toBe(1);
      const sending = await runtime.load(await actor({ fields: SEND, handleMessage: SENDING }));
      await runtime.request(sending, Buffer.from('x'));
      const restarted = event(runtime, 'restart');
      await checked;
      await expect(runtime.request(handle, Buffer.from('a'))).rejects.toMatchObject({ code: 'RUNTIME_TRAP' });
      await restarted;
      const gaveUp = event(runtime, 'gave-up');
      await expect(runtime.request(handle, Buffer.from('b'))).rejects.toMatchObject({ code: 'RUNTIME_TRAP' });
      await gaveUp;
      await expect.poll(() => runtime.state(handle)).toBe('stopped');
      await runtime.close();
      await new Promise((resolve) => setImmediate(resolve));
      expect(heard.length).toBeGreaterThan(0);
      expect(thrown).toEqual(heard.map((each) => `the listener to ${each}`));
    },
  );
});

describe('an actor under supervision', () => {
  it.each([
    [0, 'stopped'],
    [1, 'ready'],
  ])('that is transient and exits with %s is %s then', async (status, state) => {
    await using runtime = await createRuntime();
    const exiting = await componentOf(
      `(module (import "wasi:cli/exit@0.2.3" "exit" (func $exit (param i32))) (memory (export "memory") 1)
        (func (export "run") (param i32) (result i32) (call $exit (local.get 0)) unreachable))`,
      WASI,
      'guest',
    );
    const handle = await runtime.load(exiting, { supervision: { restart: 'transient', backoffMs: 1 } });
    await expect(runtime.call(handle, 'run', status)).rejects.toMatchObject({ code: 'RUNTIME_EXITED' });
    await expect.poll(() => runtime.state(handle)).toBe(state);
  });

  it('is restarted at once when it traps in health', async () => {
    await using runtime = await createRuntime();
    const handle = await runtime.load(await actor({ health: 'unreachable' }), {
      supervision: { restart: 'permanent', backoffMs: 1, maxRestarts: 100, health: { everyMs: 500, failures: 50 } },
    });
    expect(await event(runtime, 'restart')).toMatchObject({ handle, reason: { code: 'RUNTIME_TRAP' } });
    await expect.poll(() => runtime.state(handle)).toBe('ready');
    expect(await runtime.request(handle, Buffer.from('x'))).toEqual(new Uint8Array(Buffer.from('x')));
  });
});

describe('a load', () => {
  it('whose metadata traps leaves nothing behind', async () => {
    await using runtime = await createRuntime();
    const trapping = await actor({ metadata: 'unreachable' });
    const failing = (): Promise<unknown> =>
      runtime.load(trapping, { id: 'demo/metadata/1' }).then(
        () => undefined,
        (error: { code: string }) => error.code,
      );
    expect(await failing()).toBe('RUNTIME_TRAP');
    const changes: string[] = [];
    runtime.on('state', ({ handle, to }) => void changes.push(`${handle.handleId} ${to}`));
    expect(await failing()).toBe('RUNTIME_TRAP');
    expect(changes.at(-1)).toMatch(/ (failed|stopped)$/);
    const gone = runtime.load(trapping, { id: 'demo/metadata/1' });
    await expect(gone).rejects.toMatchObject({ code: 'RUNTIME_TRAP' });
    const handles: Parameters<Runtime['usage']>[0][] = [];
    runtime.on('state', ({ handle }) => void handles.push(handle));
    await failing();
    for (const handle of handles) expect(() => runtime.usage(handle)).toThrow(/no component demo\/metadata\/1/);
  });

  it.each([
    ['at once', async () => {}],
    ['a step of the event loop later', () => nextStep()],
    [
      'many steps later, while it is being built',
      async () => {
        for (let step = 0; step < 1_000; step++) await nextStep();
      },
    ],
    ['when its instance is made', (runtime: Runtime) => event(runtime, 'state')],
  ])(
    'during which the runtime is closed, %s, is RUNTIME_CLOSED',
    async (_, moment: (runtime: Runtime) => Promise<unknown>) => {
      const runtime = await createRuntime({ cache: false });
      const comes = moment(runtime);
      let outcome = 'not yet';
      const loading = runtime.load(await actor()).then(
        () => {
          outcome = 'loaded';
        },
        (error: { code: string }) => {
          outcome = error.code;
        },
      );
      await comes;
      // A machine may be quick enough to have loaded it.
      const expected = outcome === 'loaded' ? 'loaded' : 'RUNTIME_CLOSED';
      await runtime.close();
      await loading;
      expect(outcome).toBe(expected);
    },
  );
});
