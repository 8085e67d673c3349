/** A guest's fields by what it does in `run`. */
export type NamedGuest = readonly [name: string, text: string];

/** Guests whose `run` never ends unless it is stopped. */
export const LOOPS: readonly NamedGuest[] = [
  ['a loop', '(func (export "run") (loop $l (br $l)))'],
  ['a loop without a body behind a branch', '(func (export "run") (loop $l (br_if $l (i32.const 1))))'],
  [
    'a loop in a try_table with catch_all',
    '(func (export "run") (loop $again (block $caught (try_table (catch_all $caught) (loop $l (br $l)))) (br $again)))',
  ],
  [
    'a loop in a try_table with catch_all_ref',
    `(func (export "run") (loop $again (block $caught (result exnref)
      (try_table (catch_all_ref $caught) (loop $l (br $l))) (br $again)) drop (br $again)))`,
  ],
  ['a loop in a legacy try', '(func (export "run") (loop $again try (loop $l (br $l)) catch_all (br $again) end))'],
  [
    'a loop in a legacy try that delegates',
    '(func (export "run") (loop $again try $outer try (loop $l (br $l)) delegate $outer catch_all (br $again) end))',
  ],
  [
    'a loop in a handler that rethrows',
    `(tag $e) (func $f (loop $again try throw $e catch_all (loop $l (br $l)) rethrow 0 end))
     (func (export "run") (loop $again try call $f catch_all (br $again) end))`,
  ],
  [
    'exceptions thrown out of deep work and caught in a loop',
    `(tag $e) (func $work (param i32) (if (i32.eqz (local.get 0)) (then (throw $e)))
       (call $work (i32.sub (local.get 0) (i32.const 1))))
     (func (export "run") (loop $again
       (block $caught (try_table (catch $e $caught) (call $work (i32.const 50)))) (br $again)))`,
  ],
  [
    'exceptions thrown out of deep work and caught by a legacy handler',
    `(tag $e) (func $work (param i32) (if (i32.eqz (local.get 0)) (then (throw $e)))
       (call $work (i32.sub (local.get 0) (i32.const 1))))
     (func (export "run") (loop $again try (call $work (i32.const 50)) catch $e end (br $again)))`,
  ],
  ['a direct tail-call ring', '(func $a (return_call $b)) (func $b (return_call $a)) (func (export "run") (call $a))'],
  [
    'an indirect tail-call ring',
    `(type $t (func)) (table 2 funcref) (elem (i32.const 0) $a $b)
     (func $a (return_call_indirect (type $t) (i32.const 1))) (func $b (return_call_indirect (type $t) (i32.const 0)))
     (func (export "run") (call $a))`,
  ],
  [
    'an indirect tail-call ring through an exported table',
    `(type $t (func)) (table (export "table") 2 funcref) (elem (i32.const 0) $a $b)
     (func $a (return_call_indirect (type $t) (i32.const 1))) (func $b (return_call_indirect (type $t) (i32.const 0)))
     (func (export "run") (call $a))`,
  ],
  [
    'a tail-call ring by reference',
    `(type $t (func)) (elem declare func $a)
     (func $a (return_call_ref $t (ref.func $a))) (func (export "run") (call $a))`,
  ],
  ['a br_table loop', '(func (export "run") (loop $l (block $b (br_table $b $l $l (i32.const 1))) (br $l)))'],
  ['a br_on_null loop', '(func (export "run") (loop $l (br_on_null $l (ref.null func)) drop))'],
  [
    'a br_on_cast loop',
    `(func (export "run") (local $r anyref) (loop $l (block $b (result (ref i31))
      (br_on_cast $b anyref (ref i31) (ref.i31 (i32.const 1))) drop (return)) drop (br $l)))`,
  ],
  [
    'a br_on_non_null loop',
    `(elem declare func $f) (func $f) (func (export "run") (loop $l (result (ref func))
      (br_on_non_null $l (ref.func $f)) (br $l (ref.func $f))) drop)`,
  ],
  [
    'a br_on_cast_fail loop',
    `(func (export "run") (local $r anyref) (loop $l (block $b (result anyref)
      (br_on_cast_fail $b anyref (ref struct) (ref.i31 (i32.const 1))) drop (return)) drop (br $l)))`,
  ],
  [
    'a nest of small leaves',
    `(func $a (param i32) (result i32) ${'(local.set 0 (i32.add (local.get 0) (i32.const 1)))'.repeat(40)} local.get 0)
     (func $b (param i32) (result i32) local.get 0 ${'call $a '.repeat(40)})
     (func $c (param i32) (result i32) local.get 0 ${'call $b '.repeat(40)})
     (func (export "run") (param i32) (loop $l (drop (call $c (i32.const 1))) (br $l)))`,
  ],
];

/** Guests whose `run` does too much at once, or over and over. */
export const BULK: readonly NamedGuest[] = [
  [
    'memory.fill of 64 MiB',
    '(memory 1 1024) (func (export "run") (drop (memory.grow (i32.const 500))) (loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 30000000)) (br $l)))',
  ],
  [
    'memory.copy',
    '(memory 16) (func (export "run") (loop $l (memory.copy (i32.const 0) (i32.const 1) (i32.const 1000000)) (br $l)))',
  ],
  [
    'table.fill',
    '(table 100000 funcref) (func (export "run") (loop $l (table.fill (i32.const 0) (ref.null func) (i32.const 100000)) (br $l)))',
  ],
  [
    'table.copy and table.init',
    `(table $a 50000 funcref) (table $b 50000 funcref) (func $f) (elem $e func ${'$f '.repeat(1_000)})
     (func (export "run") (loop $l (table.copy $a $b (i32.const 0) (i32.const 0) (i32.const 50000))
       (table.init $a $e (i32.const 0) (i32.const 0) (i32.const 1000)) (br $l)))`,
  ],
  [
    'memory.init',
    `(memory 1) (data $d "${'x'.repeat(10_000)}")
     (func (export "run") (loop $l (memory.init $d (i32.const 0) (i32.const 0) (i32.const 10000)) (br $l)))`,
  ],
  ['a length of -1', '(memory 1) (func (export "run") (memory.fill (i32.const 0) (i32.const 1) (i32.const -1)))'],
  [
    'a length of 2^64 - 1',
    '(memory i64 1) (func (export "run") (memory.fill (i64.const 0) (i32.const 1) (i64.const -1)))',
  ],
  [
    'a length of 2^63',
    '(memory i64 1) (func (export "run") (memory.copy (i64.const 0) (i64.const 0) (i64.const 0x8000000000000000)))',
  ],
  [
    'array.new_default of the largest size',
    '(type $a (array i8)) (func (export "run") (drop (array.new_default $a (i32.const -1))))',
  ],
  [
    'array.fill in a loop',
    '(type $a (array (mut i8))) (func (export "run") (local $a (ref $a)) (local.set $a (array.new_default $a (i32.const 100000))) (loop $l (array.fill $a (local.get $a) (i32.const 0) (i32.const 1) (i32.const 100000)) (br $l)))',
  ],
];
