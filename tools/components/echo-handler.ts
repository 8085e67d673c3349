import { componentOf } from './actor-wat.ts';
import { HANDLER_WIT, NO_ERROR } from './handler-wit.ts';

/** A component that answers every request with its own body, as it comes. */
export function echoHandler(): Promise<Uint8Array> {
  const http = '"wasi:http/types@0.2.3"';
  const io = '"wasi:io/streams@0.2.3"';
  return componentOf(
    `(module
      (import ${http} "[constructor]fields" (func $fields (result i32)))
      (import ${http} "[method]incoming-request.consume" (func $consume (param i32 i32)))
      (import ${http} "[method]incoming-body.stream" (func $read (param i32 i32)))
      (import ${http} "[constructor]outgoing-response" (func $response (param i32) (result i32)))
      (import ${http} "[method]outgoing-response.body" (func $body (param i32 i32)))
      (import ${http} "[method]outgoing-body.write" (func $write (param i32 i32)))
      (import ${http} "[static]outgoing-body.finish" (func $finish (param i32 i32 i32 i32)))
      (import ${http} "[static]response-outparam.set" (func $set (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))
      (import ${http} "[resource-drop]incoming-request" (func $dropRequest (param i32)))
      (import ${http} "[resource-drop]incoming-body" (func $dropBody (param i32)))
      (import ${io} "[method]output-stream.blocking-splice" (func $splice (param i32 i32 i64 i32)))
      (import ${io} "[resource-drop]output-stream" (func $dropOut (param i32)))
      (import ${io} "[resource-drop]input-stream" (func $dropIn (param i32)))
      (memory (export "memory") 1)
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 32768))
      (func (export "wasi:http/incoming-handler@0.2.3#handle") (param $request i32) (param $out i32)
        (local $response i32) (local $from i32) (local $in i32) (local $to i32) (local $sink i32)
        (call $consume (local.get $request) (i32.const 16))
        (local.set $from (i32.load (i32.const 20)))
        (call $read (local.get $from) (i32.const 16))
        (local.set $in (i32.load (i32.const 20)))
        (local.set $response (call $response (call $fields)))
        (call $body (local.get $response) (i32.const 16))
        (local.set $to (i32.load (i32.const 20)))
        (call $set (local.get $out) (i32.const 0) (local.get $response) ${NO_ERROR})
        (call $write (local.get $to) (i32.const 16))
        (local.set $sink (i32.load (i32.const 20)))
        (loop $more
          (call $splice (local.get $sink) (local.get $in) (i64.const 65536) (i32.const 32))
          (br_if $more (i32.eqz (i32.load8_u (i32.const 32)))))
        (call $dropIn (local.get $in))
        (call $dropBody (local.get $from))
        (call $dropOut (local.get $sink))
        (call $finish (local.get $to) (i32.const 0) (i32.const 0) (i32.const 16))
        (call $dropRequest (local.get $request))))`,
    HANDLER_WIT,
    'handler',
  );
}
