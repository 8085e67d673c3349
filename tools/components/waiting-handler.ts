import { WAIT_AND_TYPES } from './http-types.ts';

/**
 * A component of `wasi:http/handler@0.3` that waits for the import `wait` before it answers each request with the error `internal-error`.
 * Where its task is cancelled, it ends at once.
 */
export const WAITING_HANDLER = `(component
  ${WAIT_AND_TYPES}
  (core func $wait (canon lower (func $wait-host) async (memory $mem)))
  (core func $return (canon task.return (result (result (own $response) (error $error))) (memory $mem)))
  (core func $cancel (canon task.cancel))
  (core func $new (canon waitable-set.new))
  (core func $join (canon waitable.join))
  (core func $drop (canon resource.drop $request))
  (core module $M
    (import "" "wait" (func $wait (param i32) (result i32)))
    (import "" "return" (func $return (param i32 i32)))
    (import "" "cancel" (func $cancel))
    (import "" "new" (func $new (result i32)))
    (import "" "join" (func $join (param i32 i32)))
    (import "" "drop" (func $drop (param i32)))
    (func (export "handle") (param $request i32) (result i32) (local $set i32)
      (call $drop (local.get $request))
      (local.set $set (call $new))
      (call $join (i32.shr_u (call $wait (i32.const 0)) (i32.const 4)) (local.get $set))
      (i32.or (i32.const 2) (i32.shl (local.get $set) (i32.const 4))))
    (func (export "callback") (param $event i32) (param i32 i32) (result i32)
      (if (i32.eq (local.get $event) (i32.const 6))
        (then (call $cancel))
        (else (call $return (i32.const 1) (i32.const 0))))
      (i32.const 0)))
  (core instance $m (instantiate $M (with "" (instance
    (export "wait" (func $wait)) (export "return" (func $return)) (export "cancel" (func $cancel))
    (export "new" (func $new)) (export "join" (func $join)) (export "drop" (func $drop))))))
  (func $handle async (param "request" (own $request)) (result (result (own $response) (error $error)))
    (canon lift (core func $m "handle") async (memory $mem) (callback (core func $m "callback"))))
  (instance $handler (export "handle" (func $handle)))
  (export "wasi:http/handler@0.3.0" (instance $handler)))`;
