import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ComponentHandle, createRuntime, type Runtime } from '../../src/index.ts';
import { type ActorText, actor, BUMP, componentOf, plain } from '../../tools/components/actor-wat.ts';
import { PLAIN, WASI } from '../support/worlds.ts';

let runtime: Runtime;
let neighbour: ComponentHandle;

beforeAll(async () => {
  runtime = await createRuntime({ limits: { maxMemoryBytes: 16 * 2 ** 20 } });
  neighbour = await runtime.load(await actor(), { id: 'test/neighbour/1' });
});
afterAll(() => runtime.close());

/** After everything that a hostile guest did, its neighbour answers at once. */
async function neighbourAnswers(): Promise<void> {
  const handled = runtime.usage(neighbour).messagesHandled;
  expect(await runtime.request(neighbour, Buffer.from('still here'))).toEqual(
    new Uint8Array(Buffer.from('still here')),
  );
  expect(runtime.usage(neighbour).messagesHandled).toBe(handled + 1);
}

const LOOP = '(loop $l (br $l)) unreachable';
/** In `cabi_realloc`, but only where a message is lowered: its record has 144 bytes. */
const inMessage = (text: string): string => `(if (i32.ge_u (local.get $size) (i32.const 144)) (then ${text})) ${BUMP}`;
const SPIN_VOID = '(loop $l (br $l))';
const RECURSE = '(func $deep (param i32) (result i32) (i32.add (i32.const 1) (call $deep (local.get 0))))';
const TOO_LONG = expect.objectContaining({ code: 'METERING_DEADLINE' });

describe('a guest that never ends', () => {
  const inLoad: [string, ActorText][] = [
    ['its start function', { start: SPIN_VOID }],
    ['initialize', { initialize: LOOP }],
  ];
  it.each(inLoad)('in %s fails to load within its time', async (_, text) => {
    await expect(runtime.load(await actor(text), { limits: { maxStartTimeMs: 200 } })).rejects.toEqual(TOO_LONG);
    await neighbourAnswers();
  });

  const whileHandling: [string, ActorText][] = [
    ['handle-message', { handleMessage: LOOP }],
    ['cabi_realloc', { realloc: inMessage(LOOP) }],
    ['post-return', { postReturn: SPIN_VOID }],
  ];
  it.each(whileHandling)('in %s is stopped within its time', async (_, text) => {
    const handle = await runtime.load(await actor(text), { limits: { maxExecutionTimeMs: 200 } });
    const payload = Buffer.from('x');
    await expect(runtime.request(handle, payload)).rejects.toEqual(TOO_LONG);
    expect(runtime.state(handle)).toBe('failed');
    await neighbourAnswers();
    await runtime.unload(handle);
  });

  it('ends by fuel where fuel is given, at the same number each time', async () => {
    const bytes = await actor({ handleMessage: LOOP });
    const consumed: bigint[] = [];
    for (let i = 0; i < 2; i++) {
      const handle = await runtime.load(bytes, { limits: { maxFuel: 100_000n } });
      await expect(runtime.request(handle, Buffer.from('x'))).rejects.toMatchObject({ code: 'METERING_OUT_OF_FUEL' });
      consumed.push(runtime.usage(handle).last.fuelConsumed);
      await runtime.unload(handle);
    }
    expect(consumed[0]).toBe(consumed[1]);
    await neighbourAnswers();
  });
});

describe('a guest that takes too much memory', () => {
  it('is told -1 when it grows beyond its limit, and lives', async () => {
    const handle = await runtime.load(
      await actor({
        handleMessage: `(loop $grow (br_if $grow (i32.ne (i32.const -1) (memory.grow (i32.const 16)))))
          (i32.store8 (i32.const 16) (i32.const 0)) (i32.store8 (i32.const 20) (i32.const 0)) (i32.const 16)`,
      }),
    );
    expect(await runtime.request(handle, Buffer.from('x'))).toBeUndefined();
    expect(runtime.usage(handle).memoryBytes).toBeLessThanOrEqual(16 * 2 ** 20);
    expect(runtime.usage(handle).refusedGrowths).toBe(1);
    await runtime.unload(handle);
  });

  it.each<[string, ActorText]>([
    ['an initial memory above its limit', { memory: '1000' }],
    ['65,536 pages', { memory: '65536' }],
    ['twenty tables of ten million entries', { fields: '(table 10000000 funcref)'.repeat(20) }],
  ])('does not load with %s', async (_, text) => {
    const bytes = await actor(text);
    const before = process.memoryUsage().rss;
    await expect(runtime.load(bytes)).rejects.toMatchObject({ code: 'METERING_MEMORY' });
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 2 ** 20);
    await neighbourAnswers();
  });

  it('cannot keep a growing list of GC objects over many calls', async () => {
    const fields = `(type $block (array (mut i64)))
      (type $node (struct (field (ref null 1)) (field (ref null $block))))
      (global $kept (mut (ref null $node)) (ref.null $node))`;
    const grow =
      '(global.set $kept (struct.new $node (global.get $kept) (array.new_default $block (i32.const 65536)))) (i32.const 7)';
    const handle = await runtime.load(await plain(fields, grow));
    const calls = async (): Promise<void> => {
      for (let i = 0; i < 100; i++) await runtime.call(handle, 'run', 1);
    };
    await expect(calls()).rejects.toMatchObject({ code: 'METERING_MEMORY' });
    await neighbourAnswers();
    await runtime.unload(handle);
  });

  it('shares a total with its neighbours where one is set', async () => {
    await using small = await createRuntime({ maxTotalMemoryBytes: 3 * 65_536 });
    const bytes = await actor({ memory: '2' });
    const first = await small.load(bytes);
    await expect(small.load(bytes)).rejects.toMatchObject({ code: 'METERING_MEMORY' });
    await small.unload(first);
    await small.load(bytes);
  });
});

describe('a guest that recurses without end', () => {
  it.each<[string, ActorText]>([
    ['alone', { fields: RECURSE, handleMessage: '(call $deep (i32.const 0))' }],
    [
      'inside catch_all',
      {
        fields: RECURSE,
        handleMessage:
          '(block $caught (try_table (catch_all $caught) (drop (call $deep (i32.const 0))))) (loop $l (br $l)) unreachable',
      },
    ],
  ])('%s ends as METERING_STACK', async (_, text) => {
    const handle = await runtime.load(await actor(text), { limits: { maxExecutionTimeMs: 5_000 } });
    await expect(runtime.request(handle, Buffer.from('x'), { timeoutMs: 10_000 })).rejects.toMatchObject({
      code: 'METERING_STACK',
    });
    await neighbourAnswers();
    await runtime.unload(handle);
  });
});

describe('a guest that traps', () => {
  it.each<[string, ActorText]>([
    ['start', { start: 'unreachable' }],
    ['initialize', { initialize: 'unreachable' }],
  ])('in %s does not load', async (_, text) => {
    await expect(runtime.load(await actor(text))).rejects.toMatchObject({ code: 'RUNTIME_INSTANTIATION_FAILED' });
    await neighbourAnswers();
  });

  it.each<[string, ActorText]>([
    ['handle-message', { handleMessage: 'unreachable' }],
    ['cabi_realloc', { realloc: inMessage('unreachable') }],
    ['post-return', { postReturn: 'unreachable' }],
    ['a reply that lies outside memory', { handleMessage: '(i32.const 0x7fffff00)' }],
    [
      'a reply whose bytes lie outside memory',
      {
        handleMessage: `(i32.store8 (i32.const 16) (i32.const 0)) (i32.store8 (i32.const 20) (i32.const 1))
      (i32.store (i32.const 24) (i32.const 65000)) (i32.store (i32.const 28) (i32.const 100000)) (i32.const 16)`,
      },
    ],
    [
      'an answer that is no case of its variant',
      { handleMessage: '(i32.store8 (i32.const 16) (i32.const 7)) (i32.const 16)' },
    ],
    [
      'an error text that is not UTF-8',
      {
        handleMessage: `(i32.store8 (i32.const 16) (i32.const 1)) (i32.store8 (i32.const 20) (i32.const 3))
      (i32.store (i32.const 24) (i32.const 100)) (i32.store (i32.const 28) (i32.const 2)) (i32.store8 (i32.const 100) (i32.const 0xff)) (i32.const 16)`,
      },
    ],
  ])('by %s fails, and is never entered again', async (_, text) => {
    const handle = await runtime.load(await actor(text));
    await expect(runtime.request(handle, Buffer.from('x'))).rejects.toMatchObject({ code: 'RUNTIME_TRAP' });
    await expect(runtime.request(handle, Buffer.from('x'))).rejects.toMatchObject({ code: 'RUNTIME_WRONG_STATE' });
    expect(runtime.state(handle)).toBe('failed');
    await neighbourAnswers();
    await runtime.unload(handle);
  });

  it('in shutdown is unloaded all the same', async () => {
    const handle = await runtime.load(await actor({ shutdown: 'unreachable' }));
    const reasons: string[] = [];
    const off = runtime.on('state', ({ reason }) => reasons.push(reason));
    await runtime.unload(handle);
    off();
    expect(reasons.at(-1)).toContain('shutdown failed: RUNTIME_TRAP');
    expect(runtime.state(handle)).toBe('stopped');
  });
});

describe('bytes that are no component', () => {
  it.each<[string, () => Promise<Uint8Array> | Uint8Array, string]>([
    ['nothing', () => new Uint8Array(), '0 bytes'],
    ['a core module', () => Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0), 'core WebAssembly module'],
    ['component text', () => Buffer.from('(component)'), 'text'],
    ['something else', () => Buffer.from('#!/bin/sh\nexit 1\n'), 'not'],
    ['a truncated component', async () => (await actor()).slice(0, 1000), ''],
  ])('%s is refused and named', async (_, bytes, word) => {
    await expect(runtime.load(await bytes())).rejects.toMatchObject({
      code: 'RUNTIME_INVALID_COMPONENT',
      message: expect.stringContaining(word),
    });
    await neighbourAnswers();
  });
});

it('a component that makes the transpiler panic does not stop the next from loading', async () => {
  const panics = await parse('(component (import "url=<https://host.example/x.wasm>" (func)))');
  await expect(runtime.load(panics)).rejects.toMatchObject({ code: 'RUNTIME_INVALID_COMPONENT' });
  const handle = await runtime.load(await actor({ fields: '(global i64 (i64.const 4))' }));
  expect(await runtime.request(handle, Buffer.from('x'))).toEqual(Uint8Array.of(120));
  await runtime.unload(handle);
});

describe('a guest that would block or overload the host', () => {
  const POLL = '(import "wasi:io/poll@0.2.3" "[method]pollable.block" (func $block (param i32)))';
  const SUBSCRIBE =
    '(import "wasi:clocks/monotonic-clock@0.2.3" "subscribe-duration" (func $subscribe (param i64) (result i32)))';
  const DROP = '(import "wasi:io/poll@0.2.3" "[resource-drop]pollable" (func $drop (param i32)))';
  const RANDOM = '(import "wasi:random/random@0.2.3" "get-random-bytes" (func $random (param i64 i32)))';
  const EXIT = '(import "wasi:cli/exit@0.2.3" "exit" (func $exit (param i32)))';
  const guest = (imports: string, body: string): Promise<Uint8Array> =>
    componentOf(
      `(module ${imports} (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
        (func (export "run") (param i32) (result i32) ${body} (i32.const 7)))`,
      WASI,
      'guest',
    );

  it.each<[string, string, string, string]>([
    [
      'sleeping for an hour',
      POLL + SUBSCRIBE,
      '(call $block (call $subscribe (i64.const 3600000000000)))',
      'RUNTIME_TURN_TIMEOUT',
    ],
    [
      'asking for an exabyte of random bytes',
      RANDOM,
      '(call $random (i64.const 0x1000000000000000) (i32.const 16))',
      'RUNTIME_TRAP',
    ],
    ['calling exit', EXIT, '(call $exit (i32.const 1))', 'RUNTIME_EXITED'],
    ['dropping a handle that it never had', DROP, '(call $drop (i32.const 77))', 'RUNTIME_TRAP'],
    ['dropping a huge handle', DROP, '(call $drop (i32.const 0x7fffffff))', 'RUNTIME_TRAP'],
    [
      'dropping a handle twice',
      DROP + SUBSCRIBE,
      '(local $p i32) (local.set $p (call $subscribe (i64.const 0))) (call $drop (local.get $p)) (call $drop (local.get $p))',
      'RUNTIME_TRAP',
    ],
    ['using a handle that it never had', POLL, '(call $block (i32.const 5))', 'RUNTIME_TRAP'],
    [
      'using a handle that it dropped',
      POLL + DROP + SUBSCRIBE,
      '(local $p i32) (local.set $p (call $subscribe (i64.const 0))) (call $drop (local.get $p)) (call $block (local.get $p))',
      'RUNTIME_TRAP',
    ],
  ])('by %s is stopped', async (_, imports, body, code) => {
    const limits = code === 'RUNTIME_TURN_TIMEOUT' ? { maxTurnTimeMs: 50 } : {};
    const handle = await runtime.load(await guest(imports, body), { limits });
    await expect(runtime.call(handle, 'run', 1)).rejects.toMatchObject({ code });
    await neighbourAnswers();
    await runtime.unload(handle);
  });

  it('cannot catch the end of its store', async () => {
    const body = `(block $caught (try_table (catch_all $caught) (call $exit (i32.const 0)))) ${SPIN_VOID}`;
    const handle = await runtime.load(await guest(EXIT, body));
    await expect(runtime.call(handle, 'run', 1)).rejects.toMatchObject({ code: 'RUNTIME_EXITED' });
    await neighbourAnswers();
    await runtime.unload(handle);
  });

  it('may wait for what is ready', async () => {
    const handle = await runtime.load(await guest(POLL + SUBSCRIBE, '(call $block (call $subscribe (i64.const 0)))'));
    expect(await runtime.call(handle, 'run', 1)).toBe(7);
    await runtime.unload(handle);
  });
});

describe('a component that is costly to build', () => {
  const costly = (fields: string, body = '(i32.const 7)'): Promise<Uint8Array> =>
    componentOf(`(module ${fields} (func (export "run") (param i32) (result i32) ${body}))`, PLAIN, 'plain');

  it.each<[string, () => Promise<Uint8Array>]>([
    ['100,000 segments', () => costly(`(memory 1) ${'(data (i32.const 0) "")'.repeat(100_000)}`)],
    ['50,000 locals', () => costly('', `${'(local i64)'.repeat(49_999)} (i32.const 7)`)],
    ['nesting 10,000 deep', () => costly('', `${'(block '.repeat(10_000)}${')'.repeat(10_000)} (i32.const 7)`)],
  ])('%s loads or is refused, in bounded time, and never hangs', async (_, make) => {
    const bytes = await make();
    try {
      const handle = await runtime.load(bytes);
      expect(await runtime.call(handle, 'run', 1)).toBe(7);
      await runtime.unload(handle);
    } catch (error) {
      expect(error).toMatchObject({ code: expect.stringMatching(/^(RUNTIME|METERING)_/) });
    }
    await neighbourAnswers();
  });
});
