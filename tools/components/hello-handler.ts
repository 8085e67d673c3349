import { componentOf } from './actor-wat.ts';

const WIT = `package test:hello@1.0.0;
world hello {
  import wasi:io/streams@0.2.3;
  import wasi:http/types@0.2.3;
  export wasi:http/incoming-handler@0.2.3;
}
package wasi:io@0.2.3 {
  interface streams {
    variant stream-error { closed }
    resource output-stream { blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>; }
  }
}
package wasi:http@0.2.3 {
  interface types {
    use wasi:io/streams@0.2.3.{output-stream};
    variant error-code { internal-error }
    resource fields { constructor(); }
    resource incoming-request { consume: func() -> result<incoming-body>; }
    resource incoming-body { }
    resource outgoing-body {
      write: func() -> result<output-stream>;
      finish: static func(this: outgoing-body, trailers: option<fields>) -> result<_, error-code>;
    }
    resource outgoing-response { constructor(headers: fields); body: func() -> result<outgoing-body>; }
    resource response-outparam { set: static func(param: response-outparam, response: result<outgoing-response, error-code>); }
  }
  interface incoming-handler {
    use types.{incoming-request, response-outparam};
    handle: func(request: incoming-request, response-out: response-outparam);
  }
}`;

/** A component that answers every request with a text, by the fewest calls that this takes. */
export function helloHandler(text = 'hello'): Promise<Uint8Array> {
  const http = '"wasi:http/types@0.2.3"';
  return componentOf(
    `(module
      (import ${http} "[constructor]fields" (func $fields (result i32)))
      (import ${http} "[constructor]outgoing-response" (func $response (param i32) (result i32)))
      (import ${http} "[method]outgoing-response.body" (func $body (param i32 i32)))
      (import ${http} "[method]outgoing-body.write" (func $write (param i32 i32)))
      (import ${http} "[static]outgoing-body.finish" (func $finish (param i32 i32 i32 i32)))
      (import ${http} "[static]response-outparam.set" (func $set (param i32 i32 i32)))
      (import "wasi:io/streams@0.2.3" "[method]output-stream.blocking-write-and-flush" (func $send (param i32 i32 i32 i32)))
      (import "wasi:io/streams@0.2.3" "[resource-drop]output-stream" (func $drop (param i32)))
      (memory (export "memory") 1)
      (data (i32.const 1024) "${text}")
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 32768))
      (func (export "wasi:http/incoming-handler@0.2.3#handle") (param $request i32) (param $out i32)
        (local $response i32) (local $b i32) (local $stream i32)
        (local.set $response (call $response (call $fields)))
        (call $body (local.get $response) (i32.const 16))
        (local.set $b (i32.load (i32.const 20)))
        (call $set (local.get $out) (i32.const 0) (local.get $response))
        (call $write (local.get $b) (i32.const 16))
        (local.set $stream (i32.load (i32.const 20)))
        (call $send (local.get $stream) (i32.const 1024) (i32.const ${text.length}) (i32.const 16))
        (call $drop (local.get $stream))
        (call $finish (local.get $b) (i32.const 0) (i32.const 0) (i32.const 16))))`,
    WIT,
    'hello',
  );
}
