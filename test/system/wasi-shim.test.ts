// WASI from jco's shim instead of ours, by its import object as it is.
import { WASIShim } from '@bytecodealliance/preview2-shim/instantiation';
import { describe, expect, it } from 'vitest';
import { createRuntime } from '../../src/index.ts';
import { componentOf } from '../../tools/components/actor-wat.ts';
import { WASI } from '../support/worlds.ts';

/** How many environment variables it finds, and a call of each kind of interface beside. */
const guest = (): Promise<Uint8Array> =>
  componentOf(
    `(module
      (import "wasi:cli/environment@0.2.3" "get-environment" (func $environment (param i32)))
      (import "wasi:cli/stdout@0.2.3" "get-stdout" (func $stdout (result i32)))
      (import "wasi:io/streams@0.2.3" "[method]output-stream.check-write" (func $check (param i32 i32)))
      (import "wasi:io/streams@0.2.3" "[resource-drop]output-stream" (func $drop (param i32)))
      (import "wasi:clocks/monotonic-clock@0.2.3" "now" (func $now (result i64)))
      (import "wasi:random/random@0.2.3" "get-random-bytes" (func $random (param i64 i32)))
      (memory (export "memory") 4) (global $heap (mut i32) (i32.const 4096))
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
        (global.set $heap (i32.add (local.get $at) (local.get 3))) (local.get $at))
      (func (export "run") (param i32) (result i32) (local $out i32)
        (local.set $out (call $stdout))
        (call $check (local.get $out) (i32.const 64))
        (call $drop (local.get $out))
        (if (i64.eqz (call $now)) (then unreachable))
        (call $random (i64.const 7) (i32.const 96))
        (if (i32.ne (i32.load (i32.const 100)) (i32.const 7)) (then unreachable))
        (call $environment (i32.const 32)) (i32.load (i32.const 36))))`,
    WASI,
    'guest',
  );

describe.each(['direct', 'glue'] as const)('the import object of WASIShim, by the way %s', (calls) => {
  it('meets the WASI imports of a component, in several loads and runtimes, and is left as it is', async () => {
    const component = await guest();
    const imports = new WASIShim({
      sandbox: { env: { A: '1', B: '2' }, preopens: {}, enableNetwork: false },
    }).getImportObject();
    expect(Object.values(imports)).toContain(undefined);
    for (let round = 0; round < 2; round += 1) {
      await using runtime = await createRuntime({ calls });
      const handle = await runtime.load(component, { imports });
      expect(await runtime.call(handle, 'run', 0)).toBe(2);
      const again = await runtime.load(component, {
        imports: new WASIShim({ sandbox: { env: {} } }).getImportObject(),
      });
      expect(await runtime.call(again, 'run', 0)).toBe(0);
    }
  });
});
