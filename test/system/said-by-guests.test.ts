import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { describe, expect, it } from 'vitest';
import { type CallPath, createRuntime } from '../../src/index.ts';
import { actor } from '../../tools/components/actor-wat.ts';

/** Processor time in milliseconds that something takes. */
async function spent(act: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await act();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

const WHOLE = 30 * 2 ** 20;
const ERROR = `(component
  (type $bytes (list u8))
  (core module $m (memory (export "memory") 600)
    (func (export "run") (result i32)
      (i32.store8 (i32.const 16) (i32.const 1)) (i32.store (i32.const 20) (i32.const 64)) (i32.store (i32.const 24) (i32.const ${WHOLE}))
      (i32.const 16)))
  (core instance $i (instantiate $m))
  (func (export "run") (result (result (error $bytes))) (canon lift (core func $i "run") (memory (core memory $i "memory")))))`;

/** Points a text of the metadata, by its place in the record, to megabytes of memory that is all zero. */
const LARGE = `(memory.fill (i32.const 128) (i32.const 0) (i32.const 64))
  (i32.store (i32.const 144) (i32.const 1024)) (i32.store (i32.const 148) (i32.const 12582912)) (i32.const 128)`;
const ASK = `(call $ask (i32.const 512) (i32.const 1) (i32.const 513) (i32.const 5) (i32.const 518) (i32.const 1) (i32.const 600))
  (i32.store8 (i32.const 16) (i32.const 0)) (i32.store8 (i32.const 20) (i32.const 1))
  (i32.store (i32.const 24) (i32.const 600)) (i32.store (i32.const 28) (i32.const 64)) (i32.const 16)`;
const FIELDS = `(import "vivarium:actor/host-services@0.1.0" "get-component-metadata"
    (func $ask (param i32 i32 i32 i32 i32 i32 i32)))
  (data (i32.const 512) "tlarge1")`;

describe.each<CallPath>(['direct', 'glue'])('what a guest says, called through %s', (calls) => {
  it('is shown in part where it is an error of 30 MB', async () => {
    await using runtime = await createRuntime({ calls, limits: { maxExecutionTimeMs: 20_000 } });
    const handle = await runtime.load(await parse(ERROR));
    const error: Error[] = [];
    const cost = await spent(() => runtime.call(handle, 'run').catch((thrown: Error) => error.push(thrown)));
    expect(error[0]).toMatchObject({ code: 'RUNTIME_COMPONENT_ERROR', message: expect.stringContaining('[0,0,0,') });
    expect(error[0]?.message.length).toBeLessThan(1_100);
    expect(cost).toBeLessThan(1_500);
    expect(runtime.state(handle)).toBe('ready');
  });

  it('is kept in part where it is metadata of 12 MB, and given to whoever asks', async () => {
    await using runtime = await createRuntime({ calls, limits: { maxExecutionTimeMs: 20_000 } });
    await runtime.load(await actor({ memory: '200', metadata: LARGE }), { id: 't/large/1' });
    const asking = await runtime.load(await actor({ fields: FIELDS, handleMessage: ASK }), {
      id: 't/asking/1',
      limits: { maxMemoryBytes: 2 * 65_536 },
    });
    const reply = Buffer.from((await runtime.request(asking, Buffer.from('?'))) as Uint8Array);
    expect(reply[0]).toBe(1);
    const lengths = [0, 8, 16, 24, 32].map((at) => reply.readUInt32LE(8 + at));
    expect(Math.max(...lengths)).toBeGreaterThan(500);
    expect(lengths.reduce((sum, length) => sum + length)).toBeLessThan(4_096);
  });
});
