/** Answers what the import `wait` answers, as a synchronous component does. */
export const SYNCHRONOUS_GUEST = `(component
  (import "wait" (func $wait-host (param "n" u32) (result u32)))
  (core func $wait (canon lower (func $wait-host)))
  (core module $M (import "" "wait" (func $wait (param i32) (result i32)))
    (func (export "f") (param i32) (result i32) (call $wait (local.get 0))))
  (core instance $m (instantiate $M (with "" (instance (export "wait" (func $wait))))))
  (func (export "f") (param "n" u32) (result u32) (canon lift (core func $m "f"))))`;

/** Adds a number of its thread, or a global, as often as it is told, sixteen times in each turn of a loop. */
export const CONTEXT_GUEST = `(component
  (core func $get (canon context.get i32 0))
  (core module $M (import "" "get" (func $get (result i32))) (global $own (export "own") (mut i32) (i32.const 0))
    ${[
      ['number', '(call $get)'],
      ['global', '(global.get $own)'],
    ]
      .map(
        ([name, read]) => `(func (export "${name}") (param $left i32) (result i32) (local $sum i32)
      (loop $more
        ${`(local.set $sum (i32.add (local.get $sum) ${read}))`.repeat(16)}
        (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
      (local.get $sum))`,
      )
      .join('\n')})
  (core instance $m (instantiate $M (with "" (instance (export "get" (func $get))))))
  (func (export "number") (param "n" u32) (result u32) (canon lift (core func $m "number")))
  (func (export "global") (param "n" u32) (result u32) (canon lift (core func $m "global"))))`;

/** Calls the import `wait`, waits by its callback if it must, and answers what `wait` answered. */
export const CALLBACK_GUEST = `(component
  (import "wait" (func $wait-host async (param "n" u32) (result u32)))
  (core module $Memory (memory (export "memory") 1))
  (core instance $memory (instantiate $Memory))
  (alias core export $memory "memory" (core memory $mem))
  (core func $wait (canon lower (func $wait-host) async (memory $mem)))
  (core func $return (canon task.return (result u32)))
  (core func $new (canon waitable-set.new)) (core func $join (canon waitable.join))
  (core func $drop (canon subtask.drop)) (core func $drop-set (canon waitable-set.drop))
  (core module $M (import "" "memory" (memory 1)) (import "" "wait" (func $wait (param i32 i32) (result i32)))
    (import "" "return" (func $return (param i32))) (import "" "new" (func $new (result i32)))
    (import "" "join" (func $join (param i32 i32))) (import "" "drop" (func $drop (param i32)))
    (import "" "drop-set" (func $drop-set (param i32)))
    (global $set (mut i32) (i32.const 0))
    (func (export "f") (param i32) (result i32) (local $state i32)
      (local.set $state (call $wait (local.get 0) (i32.const 64)))
      (if (i32.eq (local.get $state) (i32.const 2))
        (then (call $return (i32.load (i32.const 64))) (return (i32.const 0))))
      (global.set $set (call $new))
      (call $join (i32.shr_u (local.get $state) (i32.const 4)) (global.get $set))
      (i32.or (i32.const 2) (i32.shl (global.get $set) (i32.const 4))))
    (func (export "f-cb") (param i32 i32 i32) (result i32)
      (call $drop (local.get 1)) (call $drop-set (global.get $set))
      (call $return (i32.load (i32.const 64))) (i32.const 0)))
  (core instance $m (instantiate $M (with "" (instance (export "memory" (memory $mem)) (export "wait" (func $wait))
    (export "return" (func $return)) (export "new" (func $new)) (export "join" (func $join)) (export "drop" (func $drop))
    (export "drop-set" (func $drop-set))))))
  (func (export "f") async (param "n" u32) (result u32)
    (canon lift (core func $m "f") async (callback (core func $m "f-cb")))))`;

/** Reads a stream of bytes that it is given to its end, 64 KiB at a time, and answers how many there were. */
export const READING_GUEST = `(component
  (type $bytes (stream u8))
  (core module $Memory (memory (export "memory") 2))
  (core instance $memory (instantiate $Memory))
  (alias core export $memory "memory" (core memory $mem))
  (core func $read (canon stream.read $bytes (memory $mem))) (core func $drop-r (canon stream.drop-readable $bytes))
  (core func $return (canon task.return (result u32)))
  (core module $M (import "" "read" (func $read (param i32 i32 i32) (result i32))) (import "" "drop-r" (func $drop-r (param i32)))
    (import "" "return" (func $return (param i32)))
    (func (export "bytes") (param $r i32) (local $got i32) (local $sum i32)
      (loop $more
        (local.set $got (call $read (local.get $r) (i32.const 0) (i32.const 65536)))
        (local.set $sum (i32.add (local.get $sum) (i32.shr_u (local.get $got) (i32.const 4))))
        (br_if $more (i32.eqz (i32.and (local.get $got) (i32.const 15)))))
      (call $drop-r (local.get $r)) (call $return (local.get $sum))))
  (core instance $m (instantiate $M (with "" (instance (export "read" (func $read)) (export "drop-r" (func $drop-r))
    (export "return" (func $return))))))
  (func (export "bytes") async (param "s" $bytes) (result u32) (canon lift (core func $m "bytes") async)))`;
