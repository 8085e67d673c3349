import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LogRecord } from '#runtime';
import { createRuntime, type Runtime } from '../../src/index.ts';
import { componentOf } from '../../tools/components/actor-wat.ts';
import { WASI } from '../support/worlds.ts';

let runtime: Runtime;
const logged: LogRecord[] = [];

beforeAll(async () => {
  runtime = await createRuntime();
  runtime.on('log', (record) => logged.push(record));
});
afterAll(() => runtime.close());

const IMPORTS = `
  (import "wasi:cli/stdout@0.2.3" "get-stdout" (func $stdout (result i32)))
  (import "wasi:io/streams@0.2.3" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))
  (import "wasi:cli/environment@0.2.3" "get-environment" (func $environment (param i32)))`;

const guest = (body: string): Promise<Uint8Array> =>
  componentOf(
    `(module ${IMPORTS} (memory (export "memory") 4) (global $heap (mut i32) (i32.const 4096))
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
        (global.set $heap (i32.add (local.get $at) (local.get 3))) (local.get $at))
      (func $print (param i32 i32) (call $write (call $stdout) (local.get 0) (local.get 1) (i32.const 64)))
      (data (i32.const 128) "hello\\0aworld\\0a\\1b[2Jescape\\0a")
      (func (export "run") (param i32) (result i32) (local $i i32) ${body}))`,
    WASI,
    'guest',
  );

describe('what a component prints', () => {
  it('is one log record a line, as it printed it', async () => {
    logged.length = 0;
    const handle = await runtime.load(await guest('(call $print (i32.const 128) (i32.const 23)) (i32.const 0)'));
    await runtime.call(handle, 'run', 0);
    expect(logged.map(({ channel, message }) => [channel, message])).toEqual([
      ['stdout', 'hello'],
      ['stdout', 'world'],
      ['stdout', '\u001b[2Jescape'],
    ]);
    await runtime.unload(handle);
  });

  it('is bounded by its time, a gigabyte of it too, and is not kept', async () => {
    let characters = 0;
    await using small = await createRuntime({ limits: { maxExecutionTimeMs: 100 } });
    small.on('log', ({ message }) => {
      characters += message.length;
    });
    const handle = await small.load(
      await guest(
        '(loop $l (call $print (i32.const 0) (i32.const 65536)) (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 16384)))) (i32.const 0)',
      ),
    );
    const before = process.memoryUsage().rss;
    await small.call(handle, 'run', 0).catch((error) => expect(error).toMatchObject({ code: 'METERING_DEADLINE' }));
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 2 ** 20);
    expect(characters).toBeGreaterThan(0);
  });
});

describe('the environment of a component', () => {
  it('holds what was given, poisonous names too, and nothing of the host', async () => {
    const env = JSON.parse('{"__proto__": "a", "constructor": "b", "LANG": "c"}');
    const handle = await runtime.load(await guest('(call $environment (i32.const 64)) (i32.load (i32.const 68))'), {
      env,
    });
    expect(await runtime.call(handle, 'run', 0)).toBe(3);
    const bare = await runtime.load(await guest('(call $environment (i32.const 64)) (i32.load (i32.const 68))'));
    expect(await runtime.call(bare, 'run', 0)).toBe(0);
    await runtime.unload(handle);
    await runtime.unload(bare);
  });
});
