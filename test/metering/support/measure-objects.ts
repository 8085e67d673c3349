// Prints, as JSON, what V8 takes for objects and what a tank charges for them; run with --expose-gc, by the Node to measure.
// Arguments are the names of the kinds to measure; without any, all are.
import { getHeapStatistics } from 'node:v8';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { FuelTank, meterModule } from '#metering';

const OBJECTS = 10_000;

const structs = [
  '',
  'i8',
  'i8 i8',
  'i8 i8 i8 i8 i8 i8 i8 i8 i8',
  'i16',
  'i32',
  'i32 i32 i32',
  'i64',
  'f32',
  'f64',
  'v128',
  'v128 i8',
  'anyref',
  'externref funcref i8',
  'i8 i64 i8 i32 i16 i64 i8 v128',
].map((fields) => ({
  name: `struct of ${fields || 'nothing'}`,
  types: `(type $t (struct (field ${fields})))`,
  make: '(struct.new_default $t)',
}));
const lengths = [0, 1, 9, 100];
const arrays = ['i8', 'i16', 'i32', 'i64', 'f64', 'v128', 'anyref'].flatMap((element) =>
  lengths.map((length) => ({
    name: `array of ${length} ${element}`,
    types: `(type $t (array (mut ${element})))`,
    make: `(array.new_default $t (i32.const ${length}))`,
  })),
);
const fixed = [1, 2, 3].map((length) => ({
  name: `array of ${length} i8, written out`,
  types: '(type $t (array i8))',
  make: `(array.new_fixed $t ${length} ${'(i32.const 1)'.repeat(length)})`,
}));

const wanted = process.argv.slice(2);
const measured = [];
for (const { name, types, make } of [...structs, ...arrays, ...fixed]) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const bytes = await parse(`(module (type $all (array (mut anyref))) ${types}
    (global $kept (mut (ref null $all)) (ref.null $all))
    (func (export "make") (param $n i32) (local $i i32)
      (global.set $kept (array.new_default $all (local.get $n)))
      (loop $l (array.set $all (global.get $kept) (local.get $i) ${make})
        (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))))`);
  const tank = new FuelTank({ maxMemoryBytes: 2 ** 30, deadlineMs: 60_000 });
  const module = new WebAssembly.Module(meterModule(bytes).bytes as Uint8Array<ArrayBuffer>);
  const run = tank.instantiate(module).exports.make as (objects: number) => void;
  run(OBJECTS);
  run(1);
  const before = { heap: used(), charged: tank.memoryBytes };
  run(OBJECTS);
  const [taken, charged] = [used() - before.heap, tank.memoryBytes - before.charged];
  measured.push({ name, taken: taken / OBJECTS, charged: charged / OBJECTS });
}
console.log(JSON.stringify(measured));

function used(): number {
  gc!();
  return getHeapStatistics().used_heap_size;
}
