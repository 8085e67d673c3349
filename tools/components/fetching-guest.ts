import { componentOf } from './actor-wat.ts';

const WIT = `package test:fetching@1.0.0;
world fetching {
  import wasi:io/poll@0.2.3;
  import wasi:io/streams@0.2.3;
  import wasi:http/types@0.2.3;
  import wasi:http/outgoing-handler@0.2.3;
  export fetch: func(authority: string, times: u32) -> u32;
}
package wasi:io@0.2.3 {
  interface poll { resource pollable { block: func(); } }
  interface streams {
    variant stream-error { closed }
    resource input-stream { blocking-read: func(len: u64) -> result<list<u8>, stream-error>; }
  }
}
package wasi:http@0.2.3 {
  interface types {
    use wasi:io/poll@0.2.3.{pollable};
    use wasi:io/streams@0.2.3.{input-stream};
    variant error-code { internal-error }
    variant scheme { HTTP, HTTPS, other(string) }
    resource fields { constructor(); }
    resource outgoing-request {
      constructor(headers: fields);
      set-scheme: func(scheme: option<scheme>) -> result;
      set-authority: func(authority: option<string>) -> result;
      set-path-with-query: func(path: option<string>) -> result;
    }
    resource request-options { }
    resource incoming-body { %stream: func() -> result<input-stream>; }
    resource incoming-response { consume: func() -> result<incoming-body>; }
    resource future-incoming-response {
      subscribe: func() -> pollable;
      get: func() -> option<result<result<incoming-response, error-code>>>;
    }
  }
  interface outgoing-handler {
    use types.{outgoing-request, request-options, future-incoming-response, error-code};
    handle: func(request: outgoing-request, options: option<request-options>) -> result<future-incoming-response, error-code>;
  }
}`;

/** A component that fetches the root of an authority so many times, one after the other, and answers how many bytes came. */
export function fetchingGuest(): Promise<Uint8Array> {
  const http = '"wasi:http/types@0.2.3"';
  const streams = '"wasi:io/streams@0.2.3"';
  const drop = (name: string, from: string, resource: string): string =>
    `(import ${from} "[resource-drop]${resource}" (func $drop-${name} (param i32)))`;
  return componentOf(
    `(module
      (import ${http} "[constructor]fields" (func $fields (result i32)))
      (import ${http} "[constructor]outgoing-request" (func $request (param i32) (result i32)))
      (import ${http} "[method]outgoing-request.set-scheme" (func $scheme (param i32 i32 i32 i32 i32) (result i32)))
      (import ${http} "[method]outgoing-request.set-authority" (func $authority (param i32 i32 i32 i32) (result i32)))
      (import ${http} "[method]outgoing-request.set-path-with-query" (func $path (param i32 i32 i32 i32) (result i32)))
      (import "wasi:http/outgoing-handler@0.2.3" "handle" (func $handle (param i32 i32 i32 i32)))
      (import ${http} "[method]future-incoming-response.subscribe" (func $subscribe (param i32) (result i32)))
      (import ${http} "[method]future-incoming-response.get" (func $get (param i32 i32)))
      (import ${http} "[method]incoming-response.consume" (func $consume (param i32 i32)))
      (import ${http} "[method]incoming-body.stream" (func $stream (param i32 i32)))
      (import "wasi:io/poll@0.2.3" "[method]pollable.block" (func $block (param i32)))
      (import ${streams} "[method]input-stream.blocking-read" (func $read (param i32 i64 i32)))
      ${drop('pollable', '"wasi:io/poll@0.2.3"', 'pollable')}
      ${drop('input', streams, 'input-stream')}
      ${drop('body', http, 'incoming-body')}
      ${drop('response', http, 'incoming-response')}
      ${drop('future', http, 'future-incoming-response')}
      (memory (export "memory") 4)
      (data (i32.const 512) "/")
      (global $next (mut i32) (i32.const 65536))
      ;; The first piece of memory is the argument's; each answer overwrites the one before.
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
        (local.set $at (global.get $next))
        (global.set $next (i32.const 131072))
        (local.get $at))
      (func $once (param $at i32) (param $length i32) (result i32)
        (local $r i32) (local $future i32) (local $pollable i32) (local $response i32) (local $body i32)
        (local $input i32) (local $bytes i32)
        (local.set $r (call $request (call $fields)))
        (drop (call $scheme (local.get $r) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0)))
        (drop (call $authority (local.get $r) (i32.const 1) (local.get $at) (local.get $length)))
        (drop (call $path (local.get $r) (i32.const 1) (i32.const 512) (i32.const 1)))
        (call $handle (local.get $r) (i32.const 0) (i32.const 0) (i32.const 16))
        (if (i32.load8_u (i32.const 16)) (then unreachable))
        (local.set $future (i32.load (i32.const 20)))
        (local.set $pollable (call $subscribe (local.get $future)))
        (call $block (local.get $pollable))
        (call $drop-pollable (local.get $pollable))
        (call $get (local.get $future) (i32.const 16))
        (if (i32.or (i32.load8_u (i32.const 20)) (i32.load8_u (i32.const 24))) (then unreachable))
        (local.set $response (i32.load (i32.const 28)))
        (call $consume (local.get $response) (i32.const 16))
        (local.set $body (i32.load (i32.const 20)))
        (call $stream (local.get $body) (i32.const 16))
        (local.set $input (i32.load (i32.const 20)))
        (block $end
          (loop $more
            (call $read (local.get $input) (i64.const 65536) (i32.const 16))
            (br_if $end (i32.load8_u (i32.const 16)))
            (local.set $bytes (i32.add (local.get $bytes) (i32.load (i32.const 24))))
            (br $more)))
        (call $drop-input (local.get $input))
        (call $drop-body (local.get $body))
        (call $drop-response (local.get $response))
        (call $drop-future (local.get $future))
        (local.get $bytes))
      (func (export "fetch") (param $at i32) (param $length i32) (param $times i32) (result i32) (local $sum i32)
        (loop $l
          (local.set $sum (i32.add (local.get $sum) (call $once (local.get $at) (local.get $length))))
          (br_if $l (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
        (global.set $next (i32.const 65536))
        (local.get $sum)))`,
    WIT,
    'fetching',
  );
}
