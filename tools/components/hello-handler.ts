import { componentOf } from './actor-wat.ts';
import { HANDLER_WIT, NO_ERROR } from './handler-wit.ts';

/**
 * A component that answers every request with a text, by the fewest calls that this takes.
 * @param before what it does first, in WebAssembly text; `$b` is a local that it may use
 */
export function helloHandler(text = 'hello', before = ''): Promise<Uint8Array> {
  const http = '"wasi:http/types@0.2.3"';
  return componentOf(
    `(module
      (import ${http} "[constructor]fields" (func $fields (result i32)))
      (import ${http} "[constructor]outgoing-response" (func $response (param i32) (result i32)))
      (import ${http} "[method]outgoing-response.body" (func $body (param i32 i32)))
      (import ${http} "[method]outgoing-body.write" (func $write (param i32 i32)))
      (import ${http} "[static]outgoing-body.finish" (func $finish (param i32 i32 i32 i32)))
      (import ${http} "[static]response-outparam.set" (func $set (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))
      (import "wasi:io/streams@0.2.3" "[method]output-stream.blocking-write-and-flush" (func $send (param i32 i32 i32 i32)))
      (import "wasi:io/streams@0.2.3" "[resource-drop]output-stream" (func $drop (param i32)))
      (import ${http} "[resource-drop]incoming-request" (func $dropRequest (param i32)))
      (memory (export "memory") 1)
      (data (i32.const 1024) "${text}")
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 32768))
      (func (export "wasi:http/incoming-handler@0.2.3#handle") (param $request i32) (param $out i32)
        (local $response i32) (local $b i32) (local $stream i32)
        ${before}
        (local.set $response (call $response (call $fields)))
        (call $body (local.get $response) (i32.const 16))
        (local.set $b (i32.load (i32.const 20)))
        (call $set (local.get $out) (i32.const 0) (local.get $response) ${NO_ERROR})
        (call $write (local.get $b) (i32.const 16))
        (local.set $stream (i32.load (i32.const 20)))
        (call $send (local.get $stream) (i32.const 1024) (i32.const ${text.length}) (i32.const 16))
        (call $drop (local.get $stream))
        (call $finish (local.get $b) (i32.const 0) (i32.const 0) (i32.const 16))
        (call $dropRequest (local.get $request))))`,
    HANDLER_WIT,
    'handler',
  );
}

/** A handler that computes until its time is over. */
export function spinningHandler(): Promise<Uint8Array> {
  return helloHandler('never', '(loop $for-ever (br $for-ever))');
}

/** A handler that makes a thousand header fields for each request and drops none. */
export function leakingHandler(): Promise<Uint8Array> {
  const leak =
    '(drop (call $fields)) (br_if $more (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const 1))) (i32.const 1000)))';
  return helloHandler('leaked', `(loop $more ${leak})`);
}
