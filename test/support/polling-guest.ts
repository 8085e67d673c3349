import { componentOf } from '../../tools/components/actor-wat.ts';

const WIT = `package test:polling@1.0.0;
world guest {
  import wasi:io/poll@0.2.3;
  import wasi:clocks/monotonic-clock@0.2.3;
  export sleep: func(ns: u64);
  export first: func(one: u64, other: u64) -> u32;
  export many: func(count: u32, ns: u64) -> u32;
  export same: func(count: u32, ns: u64) -> u32;
  export catching: func(ns: u64) -> u32;
}
package wasi:io@0.2.3 {
  interface poll {
    resource pollable { ready: func() -> bool; block: func(); }
    poll: func(in: list<borrow<pollable>>) -> list<u32>;
  }
}
package wasi:clocks@0.2.3 {
  interface monotonic-clock {
    use wasi:io/poll@0.2.3.{pollable};
    subscribe-duration: func(when: u64) -> pollable;
    now: func() -> u64;
  }
}`;

/**
 * A component that waits for the clock. `sleep` blocks once; `first` polls two durations and answers ten times how many are
 * ready and the first of them; `many` polls so many pollables and `same` one pollable so often, and they answer how many are
 * ready; `catching` blocks within a handler of everything, and then sleeps for ever.
 */
export function pollingGuest(): Promise<Uint8Array> {
  return componentOf(
    `(module
      (import "wasi:io/poll@0.2.3" "[method]pollable.block" (func $block (param i32)))
      (import "wasi:io/poll@0.2.3" "[resource-drop]pollable" (func $drop (param i32)))
      (import "wasi:io/poll@0.2.3" "poll" (func $poll (param i32 i32 i32)))
      (import "wasi:clocks/monotonic-clock@0.2.3" "subscribe-duration" (func $after (param i64) (result i32)))
      (memory (export "memory") 4)
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 131072))
      (func $sleep (export "sleep") (param i64) (local $p i32)
        (local.set $p (call $after (local.get 0)))
        (call $block (local.get $p))
        (call $drop (local.get $p)))
      (func (export "first") (param i64 i64) (result i32)
        (i32.store (i32.const 1024) (call $after (local.get 0)))
        (i32.store (i32.const 1028) (call $after (local.get 1)))
        (call $poll (i32.const 1024) (i32.const 2) (i32.const 16))
        (call $drop (i32.load (i32.const 1024)))
        (call $drop (i32.load (i32.const 1028)))
        (i32.add
          (i32.mul (i32.const 10) (i32.load (i32.const 20)))
          (i32.load (i32.load (i32.const 16)))))
      (func (export "many") (param $count i32) (param $ns i64) (result i32) (local $i i32)
        (loop $l
          (i32.store offset=1024 (i32.mul (i32.const 4) (local.get $i)) (call $after (local.get $ns)))
          (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $count))))
        (call $poll (i32.const 1024) (local.get $count) (i32.const 16))
        (loop $l
          (local.set $i (i32.sub (local.get $i) (i32.const 1)))
          (call $drop (i32.load offset=1024 (i32.mul (i32.const 4) (local.get $i))))
          (br_if $l (local.get $i)))
        (i32.load (i32.const 20)))
      (func (export "same") (param $count i32) (param $ns i64) (result i32) (local $i i32) (local $p i32)
        (local.set $p (call $after (local.get $ns)))
        (loop $l
          (i32.store offset=1024 (i32.mul (i32.const 4) (local.get $i)) (local.get $p))
          (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $count))))
        (call $poll (i32.const 1024) (local.get $count) (i32.const 16))
        (call $drop (local.get $p))
        (i32.load (i32.const 20)))
      (func (export "catching") (param i64) (result i32)
        (block $c (try_table (catch_all $c) (call $sleep (local.get 0))))
        (loop $l (call $sleep (i64.const 3600000000000)) (br $l)) (unreachable)))`,
    WIT,
    'guest',
  );
}
