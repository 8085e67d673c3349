import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { componentize } from 'componentize-qjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../src/index.ts';
import { inspectComponent } from '../../src/system/operations/index.ts';
import { actor, componentOf } from '../../tools/components/actor-wat.ts';

/** An actor that uses most of what the contract has: storage, logs, clocks, WASI's random, errors with payloads. */
const SOURCE = `
import { set, get, listKeys, usage } from 'vivarium:actor/storage@0.1.0';
import { log, currentTimeMillis, listComponents } from 'vivarium:actor/host-services@0.1.0';
import { selfId } from 'vivarium:actor/host-messaging@0.1.0';
let count = 0;
export const lifecycle = {
  initialize(config) { set('config', config.configData ?? new Uint8Array()); },
  handleMessage(message) {
    const text = String.fromCharCode(...message.payload);
    if (text === 'trap') throw new TypeError('a bug');
    set('n' + count, message.payload);
    log('info', 'got ' + text, [['key', 'välue']]);
    currentTimeMillis(); listComponents();
    const answer = JSON.stringify([++count, selfId(), message.sender.namespace, listKeys('n'), get('nothing') === undefined, text]);
    return Uint8Array.from(answer, (char) => char.charCodeAt(0));
  },
  handleCallback() {},
  metadata() { return { name: 'a', version: '1', description: 'd', author: '', license: '', supportedOperations: ['x', 'y'], stateful: true }; },
  health() { return 'healthy'; },
  shutdown() {},
};`;

/** What both runtimes saw and answered, without what clocks say. */
async function story(runtime: Runtime, component: Uint8Array): Promise<unknown> {
  const logs: unknown[] = [];
  runtime.on('log', ({ channel, message, context }) => logs.push({ channel, message, context }));
  const handle = await runtime.load(component, {
    id: 'test/actor/1',
    config: Buffer.from('hello'),
    grants: ['storage:read:**', 'storage:write:**'],
    // What is compared is what both ways do, not how fast a busy machine is.
    limits: { maxExecutionTimeMs: 60_000 },
  });
  const patient = { timeoutMs: 60_000 };
  const replies: unknown[] = [];
  for (const text of ['one', '', 'three', 'x'.repeat(5_000)]) {
    replies.push(Buffer.from((await runtime.request(handle, Buffer.from(text), patient)) ?? []).toString());
  }
  const { fuelConsumed, memoryBytes, calls } = runtime.usage(handle);
  const metadata = await runtime.call(handle, 'vivarium:actor/lifecycle@0.1.0#metadata');
  const trapped = await runtime.request(handle, Buffer.from('trap'), patient).catch((error) => error.code);
  return { logs, replies, metadata, trapped, memoryBytes, fuelConsumed, calls };
}

describe('the way into a component', () => {
  let glue: Runtime;
  let direct: Runtime;
  beforeAll(async () => {
    [glue, direct] = await Promise.all([createRuntime({ calls: 'glue' }), createRuntime()]);
  });
  afterAll(() => Promise.all([glue.close(), direct.close()]));

  it('changes nothing that a JavaScript actor does or costs', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vivarium-calls-'));
    try {
      const { component } = await componentize({
        witPath: 'wit/actor.wit',
        world: 'actor',
        jsSource: SOURCE,
        sync: true,
      });
      const [viaGlue, directly] = [await story(glue, component), await story(direct, component)];
      expect(directly).toEqual({ ...(viaGlue as object), calls: 'direct' });
      expect(viaGlue).toMatchObject({
        calls: 'glue',
        trapped: 'RUNTIME_TRAP',
        metadata: { supportedOperations: ['x', 'y'] },
      });
      writeFileSync(join(folder, 'actor.wasm'), component);
      expect(await inspectComponent(join(folder, 'actor.wasm'))).toMatchObject({ calls: 'direct' });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('lets a guest make no more of its bytes than its memory, either way', async () => {
    const component = await componentOf(
      `(module (memory (export "memory") 64)
        (func (export "few") (result i32) (i32.store (i32.const 8) (i32.const 4096)) (i32.store (i32.const 12) (i32.const 50000)) (i32.const 8))
        (func (export "many") (result i32) (i32.store (i32.const 8) (i32.const 4096)) (i32.store (i32.const 12) (i32.const 4000000)) (i32.const 8)))`,
      'package t:t; world w { export few: func() -> list<tuple<bool>>; export many: func() -> list<tuple<bool>>; }',
      'w',
    );
    for (const runtime of [glue, direct]) {
      const handle = await runtime.load(component, { limits: { maxMemoryBytes: 8 * 2 ** 20 } });
      expect(await runtime.call(handle, 'few')).toHaveLength(50_000);
      await expect(runtime.call(handle, 'many')).rejects.toMatchObject({
        code: 'RUNTIME_TRAP',
        message: expect.stringMatching(/whole memory/),
      });
    }
  });

  it('is direct for a component that has a very large type', async () => {
    const types = Array.from({ length: 11 }, (_, n) => `(type $t${n + 1} (tuple $t${n} $t${n}))`).join(' ');
    const component = await parse(`(component
      (type $t0 (tuple u8 u8)) ${types}
      (core module $m (memory (export "m") 1) (func (export "f") (param i32))
        (func (export "r") (param i32 i32 i32 i32) (result i32) i32.const 0))
      (core instance $i (instantiate $m))
      (func (export "f") (param "x" $t11)
        (canon lift (core func $i "f") (memory (core memory $i "m")) (realloc (core func $i "r")))))`);
    expect(await inspectComponent(component)).toMatchObject({ calls: 'direct' });
    expect(direct.usage(await direct.load(component)).calls).toBe('direct');
  });

  it('reaches no more than what is exported', async () => {
    const component = await actor();
    for (const name of ['constructor', 's', 'toString', '__proto__', 'hasOwnProperty']) {
      const handle = await direct.load(component);
      await expect(direct.call(handle, `vivarium:actor/lifecycle@0.1.0#${name}`)).rejects.toMatchObject({
        code: 'RUNTIME_NO_EXPORT',
      });
    }
  });
});
