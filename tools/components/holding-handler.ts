import { WAIT_AND_TYPES } from './http-types.ts';

/**
 * A component of `wasi:http/handler@0.3` that tells the import `began` the number of each request, counted in its instance from 1, and then
 * waits for the import `wait` before it answers the error `internal-error`. Until then it holds the request, and drops it if `began`
 * answered 1; otherwise it never drops it.
 */
export const HOLDING_HANDLER = `(component
  (import "began" (func $began-host (param "number" u32) (result u32)))
  ${WAIT_AND_TYPES}
  (core func $began (canon lower (func $began-host)))
  (core func $wait (canon lower (func $wait-host) async (memory $mem)))
  (core func $return (canon task.return (result (result (own $response) (error $error))) (memory $mem)))
  (core func $new (canon waitable-set.new))
  (core func $join (canon waitable.join))
  (core func $drop-set (canon waitable-set.drop))
  (core func $drop-wait (canon subtask.drop))
  (core func $drop-request (canon resource.drop $request))
  (core module $M
    (import "" "memory" (memory 1))
    (import "" "began" (func $began (param i32) (result i32)))
    (import "" "wait" (func $wait (param i32) (result i32)))
    (import "" "return" (func $return (param i32 i32)))
    (import "" "new" (func $new (result i32)))
    (import "" "join" (func $join (param i32 i32)))
    (import "" "drop-set" (func $drop-set (param i32)))
    (import "" "drop-wait" (func $drop-wait (param i32)))
    (import "" "drop-request" (func $drop-request (param i32)))
    (global $number (mut i32) (i32.const 0))
    (func (export "handle") (param $request i32) (result i32) (local $set i32) (local $wait i32)
      (global.set $number (i32.add (global.get $number) (i32.const 1)))
      (local.set $set (call $new))
      (local.set $wait (i32.shr_u (call $wait (i32.const 0)) (i32.const 4)))
      (call $join (local.get $wait) (local.get $set))
      ;; For each wait, the memory holds the set that it is in and the request to drop, or 0.
      (i32.store (i32.mul (local.get $wait) (i32.const 8)) (local.get $set))
      (i32.store offset=4 (i32.mul (local.get $wait) (i32.const 8))
        (select (local.get $request) (i32.const 0) (call $began (global.get $number))))
      (i32.or (i32.const 2) (i32.shl (local.get $set) (i32.const 4))))
    (func (export "callback") (param $event i32) (param $wait i32) (param i32) (result i32) (local $request i32)
      (local.set $request (i32.load offset=4 (i32.mul (local.get $wait) (i32.const 8))))
      (if (local.get $request) (then (call $drop-request (local.get $request))))
      (call $drop-wait (local.get $wait))
      (call $drop-set (i32.load (i32.mul (local.get $wait) (i32.const 8))))
      (call $return (i32.const 1) (i32.const 0))
      (i32.const 0)))
  (core instance $m (instantiate $M (with "" (instance
    (export "memory" (memory $mem)) (export "began" (func $began)) (export "wait" (func $wait)) (export "return" (func $return))
    (export "new" (func $new)) (export "join" (func $join)) (export "drop-set" (func $drop-set))
    (export "drop-wait" (func $drop-wait)) (export "drop-request" (func $drop-request))))))
  (func $handle async (param "request" (own $request)) (result (result (own $response) (error $error)))
    (canon lift (core func $m "handle") async (memory $mem) (callback (core func $m "callback"))))
  (instance $handler (export "handle" (func $handle)))
  (export "wasi:http/handler@0.3.0" (instance $handler)))`;
