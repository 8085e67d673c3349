import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { expect, it } from 'vitest';
import { partBytes, partsOf } from '../../src/metering/instance-parts.ts';
import { coreModule } from '../../src/wasm/index.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const PARTS = 2_000;
const each = (text: (n: number) => string): string => Array.from({ length: PARTS }, (_, n) => text(n)).join(' ');
const none = (): void => {};
const IMPORTS = { a: Object.fromEntries(Array.from({ length: PARTS }, (_, n) => [`e${n}`, none])) };

it.each([
  ['an instance', ''],
  ['exported functions', each((n) => `(func (export "e${n}"))`)],
  ['a function exported under many names', `(func $f) ${each((n) => `(export "e${n}" (func $f))`)}`],
  ['exported globals', each((n) => `(global (export "e${n}") (mut i32) (i32.const 0))`)],
  ['exported tables', each((n) => `(table (export "e${n}") 0 funcref)`)],
  ['exported tags', each((n) => `(tag (export "e${n}"))`)],
  ['tables', each(() => '(table 0 funcref)')],
  ['functions', each(() => '(func)')],
  ['globals', each(() => '(global (mut i64) (i64.const 0))')],
  ['imports', each((n) => `(import "a" "e${n}" (func))`)],
])('charges for %s at least what V8 takes on its heap', async (_, fields) => {
  const bytes = await parse(`(module ${fields})`);
  const module = new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
  const make = (): WebAssembly.Exports => new WebAssembly.Instance(module, IMPORTS).exports;
  const instances = fields === '' ? 2_000 : 20;
  const kept = [make()];
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < instances; i++) kept.push(make());
  collect();
  const taken = (process.memoryUsage().heapUsed - before) / instances;
  expect(kept).toHaveLength(instances + 1);
  expect(partBytes(partsOf(coreModule.readModule(bytes)))).toBeGreaterThan(taken);
});
