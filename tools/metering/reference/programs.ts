import type { GeneratedModule } from '../generator/index.ts';

/** A small program whose cost was added up by hand from the table of the fuel model. */
export interface Program {
  readonly name: string;
  readonly text: string;
  /** Exports called one after another, without arguments; none: instantiation is all. */
  readonly calls: readonly string[];
  /** Of instantiation and of each call. */
  readonly costs: readonly number[];
  /** How the last of them ends, when not by returning. */
  readonly ends?: 'unreachable' | 'threw';
  /** Why wasmtime says something else, where equality is not claimed. */
  readonly differs?: string;
}

const call = (name: string, body: string, cost: number, around = ''): Program => ({
  name,
  text: `(module ${around} (func (export "f") ${body}))`,
  calls: ['f'],
  costs: [0, cost],
});

const start = (name: string, text: string, cost: number, ends?: Program['ends']): Program => ({
  name,
  text: `(module ${text})`,
  calls: [],
  costs: [cost],
  ...(ends === undefined ? {} : { ends }),
});

/** The imports that programs may name. */
export function importsOfProgram({ text }: Program): GeneratedModule['imports'] {
  if (text.includes('"memory"')) return [{ kind: 'memory', name: 'memory', initial: 1, maximum: 4 }];
  if (text.includes('"reenter"')) {
    return [{ kind: 'function', name: 'reenter', signature: { params: ['i32'], results: ['i32'] } }];
  }
  if (text.includes('"host6"')) {
    return [{ kind: 'function', name: 'host6', signature: { params: [], results: ['i32'] } }];
  }
  return [];
}

export const PROGRAMS: readonly Program[] = [
  start('nothing to run', '', 0),
  start('an empty start function', '(func $s) (start $s)', 3),
  start('a start function that traps', '(func $s i32.const 0 unreachable) (start $s)', 4, 'unreachable'),
  start('globals of one constant', '(global i32 i32.const 1) (global f64 f64.const 2)', 0),
  start('a global with an extended constant', '(global i32 (i32.add (i32.const 1) (i32.const 2)))', 4),
  start('a global that is a reference', '(global funcref (ref.null func))', 2),
  start('a global of an earlier global', '(global $a i32 i32.const 1) (global i32 (global.get $a))', 2),
  start('data placed beforehand', '(memory 1) (data (i32.const 0) "hello") (data (i32.const 100) "world")', 0),
  start(
    'data at a computed offset charges all data',
    '(memory 1) (data (i32.const 0) "abc") (data (i32.add (i32.const 4) (i32.const 4)) "hello")',
    1 + 1 + 3 + 3 + 5,
  ),
  start(
    'a computed global beside data that is placed beforehand',
    '(global i64 (i64.add (i64.const 1) (i64.const 2))) (memory 1) (data (i32.const 0) "s")',
    1,
  ),
  start('a computed global alone', '(global i64 (i64.add (i64.const 1) (i64.const 2)))', 1 + 3),
  start(
    'a computed global beside data that is empty',
    '(global i64 (i64.add (i64.const 1) (i64.const 2))) (memory 1) (data (i32.const 0) "")',
    1 + 3,
  ),
  start('two memories of which one has data', '(memory 1) (memory 1) (data (i32.const 0) "s")', 1),
  start(
    'two memories that both have data',
    '(memory 1) (memory 1) (data "s") (data (memory 1) (i32.const 0) "s") (data (i32.const 9) "s")',
    0,
  ),
  start('two memories without data', '(memory 1) (memory 1)', 0),
  start(
    'what runs behind placed data is charged',
    '(global externref (ref.null extern)) (memory 1) (data (i32.const 0) "s") (func $s nop) (start $s)',
    1 + 1 + 1,
  ),
  start(
    'a passive segment and a table beside placed data',
    '(func $f) (elem funcref (ref.func $f)) (table 9 (ref null func) (ref.null func)) (memory 1) (data (i32.const 0) "s")',
    1,
  ),
  start(
    'a table of more than 128 elements is charged before placed data',
    '(global externref (ref.null extern)) (table 129 (ref null func) (ref.null func)) (memory 1) (data (i32.const 0) "s")',
    1 + 1 + 1 + 129,
  ),
  start(
    'more than 128 elements are charged before placed data',
    `(table 200 funcref) (func $f) (elem (offset (i32.add (i32.const 1) (i32.const 2))) func${' $f'.repeat(129)}) (memory 1) (data (i32.const 0) "s")`,
    1 + 3 + 129,
  ),
  start(
    'an array of a computed length is charged before placed data, one of a small constant length is not',
    `(type $a (array i8)) (memory 1) (data (i32.const 0) "s")
     (global (ref $a) (array.new_default $a (i32.add (i32.const 1) (i32.const 2))))
     (global (ref $a) (array.new_default $a (i32.const 128)))`,
    1 + 4 + 3,
  ),
  start(
    'beside an imported memory an image is charged by pages',
    '(import "env" "memory" (memory 1 4)) (memory 1) (data (memory 1) (i32.const 4095) "ab") (data (memory 1) (i32.const 9000) "\\00")',
    1 + 2 * 4096,
  ),
  start(
    'beside an imported memory an image of zeros is charged, too',
    '(import "env" "memory" (memory 1 4)) (global externref (ref.null extern)) (memory 1) (data (memory 1) (i32.const 4095) "\\00\\00")',
    1 + 1 + 2 * 4096,
  ),
  start(
    'a table of one function that is too long to be laid out',
    '(func $f) (table 1048577 (ref null func) (ref.func $f))',
    1 + 1 + 1048577,
  ),
  start(
    'a start function whose host has no export yet that it could call',
    `(import "env" "reenter" (func $reenter (param i32) (result i32)))
     (func (export "back") (param i32) (result i32) local.get 0)
     (func $s (drop (call $reenter (i32.const 1)))) (start $s)`,
    1 + 1 + 1 + 2,
  ),
  start('a passive data segment', '(memory 1) (data "hello")', 0),
  start('elements placed beforehand', '(table 4 funcref) (func $a) (elem (i32.const 1) func $a $a)', 0),
  start(
    'elements as expressions',
    '(table 4 funcref) (func $a) (elem (i32.const 1) funcref (ref.func $a) (ref.null func))',
    1 + 1 + 2 + 2,
  ),
  start('a passive element segment of indices', '(func $a) (elem func $a $a)', 1),
  start('a passive element segment of expressions', '(func $a) (elem funcref (ref.func $a) (ref.null func))', 3),
  start('a declared element segment', '(func $a) (elem declare func $a)', 0),
  start('a table with an initialiser', '(func $a) (table 5 (ref null func) (ref.null func))', 1 + 1 + 5),
  start('a table of one function', '(func $a) (table 5 (ref null func) (ref.func $a))', 0),
  call('an empty function', '', 1),
  call('free operators', 'nop nop (block (block)) (loop)', 1),
  call('a constant dropped', 'i32.const 7 drop', 2),
  call('arithmetic', '(drop (i32.add (i32.const 1) (i32.mul (i32.const 2) (i32.const 3))))', 6),
  call('locals', '(local i32) (local.set 0 (i32.const 1)) (drop (local.tee 0 (local.get 0)))', 5),
  call('globals', '(global.set 0 (i32.add (global.get 0) (i32.const 1)))', 5, '(global (mut i32) (i32.const 0))'),
  call('an if not taken', '(if (i32.const 0) (then i32.const 1 drop) (else))', 3),
  call('an if taken', '(if (i32.const 1) (then i32.const 1 drop))', 4),
  call('an else', '(if (i32.const 0) (then) (else i32.const 1 drop i32.const 2 drop))', 5),
  call('a branch out', '(block (br 0))', 2),
  call('code that is not reached', '(block (br 0) i32.const 1 drop (loop i32.const 2 drop (br 0)))', 2),
  call('an early return', 'return i32.const 1 drop', 1),
  call('a conditional branch taken', '(block (br_if 0 (i32.const 1)) i32.const 1 drop)', 3),
  call('a conditional branch not taken', '(block (br_if 0 (i32.const 0)) i32.const 1 drop)', 4),
  call('a branch table', '(block (block (br_table 0 1 (i32.const 1))) i32.const 1 drop)', 3),
  call(
    'a loop of ten passes',
    `(local i32) (local.set 0 (i32.const 10))
     (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))`,
    1 + 2 + 10 * 5,
  ),
  call('a call', 'call $g', 1 + 1 + 1 + 2, '(func $g nop i32.const 1 drop i32.const 2 drop)'),
  call('a call of an import', 'call $h drop', 1 + 1, '(import "env" "host6" (func $h (result i32)))'),
  call(
    'an indirect call',
    '(call_indirect (type $t) (i32.const 0))',
    1 + 2 + 1 + 1,
    '(type $t (func)) (table funcref (elem $g)) (func $g i32.const 1 drop)',
  ),
  call(
    'a call by reference',
    '(call_ref $t (ref.func $g))',
    1 + 2 + 1,
    '(type $t (func)) (func $g (type $t)) (elem declare func $g)',
  ),
  call('a tail call', 'return_call $g', 1 + 1 + 1 + 1, '(func $g i32.const 1 drop)'),
  call(
    'a ring of tail calls',
    '(return_call $g (i32.const 5))',
    3 + 5 * 8 + 4,
    `(func $g (param i32)
       (if (i32.eqz (local.get 0)) (then return))
       (return_call $g (i32.sub (local.get 0) (i32.const 1))))`,
  ),
  call('select and comparison', '(drop (select (i32.const 1) (i32.const 2) (i32.eqz (i32.const 0))))', 6),
  call('a load and a store', '(i32.store (i32.const 0) (i32.load (i32.const 4)))', 5, '(memory 1)'),
  call('a fill', '(memory.fill (i32.const 0) (i32.const 1) (i32.const 100))', 1 + 3 + 1 + 100, '(memory 1)'),
  call('a copy', '(memory.copy (i32.const 0) (i32.const 8) (i32.const 5))', 1 + 3 + 1 + 5, '(memory 1)'),
  call(
    'an initialisation from data',
    '(memory.init $d (i32.const 0) (i32.const 1) (i32.const 3)) (data.drop $d)',
    1 + 3 + 1 + 3 + 1,
    '(memory 1) (data $d "hello")',
  ),
  call('growth', '(drop (memory.grow (i32.const 3)))', 1 + 2 + 3, '(memory 1 8)'),
  call('growth by much', '(drop (memory.grow (i32.const 1000)))', 1003, '(memory 1)'),
  call(
    'growth that is refused',
    '(drop (memory.grow (global.get 0)))',
    1 + 2,
    '(memory 1 8) (global (mut i32) (i32.const 9))',
  ),
  call('memory size', '(drop (memory.size))', 2, '(memory 1)'),
  call(
    'tables',
    '(table.set (i32.const 0) (table.get (i32.const 1))) (drop (table.size))',
    1 + 4 + 1,
    '(table 4 funcref)',
  ),
  call(
    'a table filled',
    '(table.fill (i32.const 0) (ref.null func) (i32.const 3))',
    1 + 3 + 1 + 3,
    '(table 4 funcref)',
  ),
  call('a table copied', '(table.copy (i32.const 0) (i32.const 2) (i32.const 2))', 1 + 3 + 1 + 2, '(table 4 funcref)'),
  call('a table grown', '(drop (table.grow (ref.null func) (i32.const 3)))', 1 + 3 + 3, '(table 4 funcref)'),
  {
    name: 'a table initialised',
    text: `(module (table 4 funcref) (func $g) (elem $e func $g $g $g)
      (func (export "f") (table.init $e (i32.const 0) (i32.const 1) (i32.const 2)) (elem.drop $e)))`,
    calls: ['f'],
    costs: [1, 1 + 3 + 1 + 2 + 1],
  },
  call('vectors', '(drop (i32x4.add (v128.const i32x4 1 2 3 4) (i32x4.splat (i32.const 1))))', 5),
  call('relaxed vectors', '(drop (i8x16.relaxed_swizzle (v128.const i64x2 1 2) (v128.const i64x2 1 2)))', 4),
  call(
    'a memory of 64 bits',
    '(memory.fill (i64.const 0) (i32.const 1) (i64.const 7)) (drop (memory.grow (i64.const 2)))',
    1 + 3 + 1 + 7 + 2 + 2,
    '(memory i64 1 8)',
  ),
  call(
    'a copy between memories',
    '(memory.copy 0 1 (i32.const 0) (i32.const 0) (i32.const 9))',
    1 + 3 + 1 + 9,
    '(memory 1) (memory 1)',
  ),
  call('a struct', '(drop (struct.get $s 0 (struct.new $s (i32.const 1))))', 4, '(type $s (struct (field i32)))'),
  call(
    'an array',
    '(drop (array.len (array.new $a (i32.const 7) (i32.const 20))))',
    1 + 2 + 1 + 20 + 1,
    '(type $a (array (mut i32)))',
  ),
  call(
    'an array of defaults',
    '(drop (array.new_default $a (i32.const 20)))',
    1 + 1 + 1 + 20,
    '(type $a (array (mut i32)))',
  ),
  call(
    'a fixed array',
    '(drop (array.new_fixed $a 3 (i32.const 1) (i32.const 2) (i32.const 3)))',
    1 + 3 + 1,
    '(type $a (array (mut i32)))',
  ),
  call(
    'an array of data',
    '(drop (array.new_data $a $d (i32.const 0) (i32.const 3)))',
    1 + 2 + 1 + 3,
    '(type $a (array (mut i8))) (data $d "hello")',
  ),
  call(
    'an array filled and copied',
    `(local (ref null $a)) (local.set 0 (array.new_default $a (i32.const 10)))
     (array.fill $a (local.get 0) (i32.const 0) (i32.const 1) (i32.const 4))
     (array.copy $a $a (local.get 0) (i32.const 0) (local.get 0) (i32.const 2) (i32.const 3))`,
    1 + (1 + 1 + 10 + 1) + (4 + 1 + 4) + (5 + 1 + 3),
    '(type $a (array (mut i32)))',
  ),
  call('a small integer by reference', '(drop (i31.get_s (ref.i31 (i32.const 1))))', 4),
  call(
    'a cast that branches',
    '(drop (block (result (ref i31)) (br_on_cast 0 anyref (ref i31) (ref.i31 (i32.const 1))) drop unreachable))',
    1 + 3,
  ),
  call('a null that branches', '(block (br_on_null 0 (ref.null any)) drop)', 1 + 2),
  {
    name: 'an exception that leaves',
    text: '(module (tag $t (param i32)) (func (export "f") (throw $t (i32.const 1))))',
    calls: ['f'],
    costs: [0, 3],
    ends: 'threw',
  },
  call(
    'an exception that is caught',
    '(block $h (result i32) (try_table (catch $t $h) (throw $t (i32.const 1))) i32.const 5) drop',
    1 + 1 + 2,
    '(tag $t (param i32))',
  ),
  call(
    'an exception out of a call',
    `(block $h (result i32 exnref)
       (try_table (catch_ref $t $h) i32.const 1 drop (call $g)) i32.const 5 (ref.null exn)) drop drop`,
    1 + 1 + 1 + 1 + (1 + 2),
    '(tag $t (param i32)) (func $g (throw $t (i32.const 1)))',
  ),
  {
    name: 'an exception of the older encoding',
    text: `(module (tag $t (param i32))
      (func (export "f") try i32.const 1 throw $t catch $t drop end))`,
    calls: ['f'],
    costs: [0, 1 + 1 + 2],
    differs: 'wasmtime does not have these operators; they are counted like those that replaced them',
  },
  {
    name: 'unreachable after work',
    text: '(module (func (export "f") i32.const 1 drop i32.const 2 drop unreachable))',
    calls: ['f'],
    costs: [0, 3],
    ends: 'unreachable',
  },
];
