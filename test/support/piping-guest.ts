import { componentOf } from '../../tools/components/actor-wat.ts';

const WIT = `package test:piping@1.0.0;
world guest {
  import wasi:io/streams@0.2.3;
  import wasi:cli/stdin@0.2.3;
  import wasi:cli/stdout@0.2.3;
  export cat: func() -> u64;
  export splice: func() -> u64;
  export print: func(text: string, times: u32);
  export failing: func(text: string);
}
package wasi:io@0.2.3 {
  interface error { resource error { to-debug-string: func() -> string; } }
  interface streams {
    use error.{error};
    variant stream-error { last-operation-failed(error), closed }
    resource input-stream { blocking-read: func(len: u64) -> result<list<u8>, stream-error>; }
    resource output-stream {
      blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
      blocking-splice: func(src: borrow<input-stream>, len: u64) -> result<u64, stream-error>;
    }
  }
}
package wasi:cli@0.2.3 {
  interface stdin { use wasi:io/streams@0.2.3.{input-stream}; get-stdin: func() -> input-stream; }
  interface stdout { use wasi:io/streams@0.2.3.{output-stream}; get-stdout: func() -> output-stream; }
}`;

/**
 * A component that copies its standard input to its standard output, by reads and writes of 4,096 bytes (`cat`) or by `splice`, and
 * answers how many bytes that were; a million more where the last operation failed, and two million more where writing did.
 * `print` writes a text so many times, with a flush each time; `failing` writes one and traps.
 */
export function pipingGuest(): Promise<Uint8Array> {
  return componentOf(
    `(module
      (import "wasi:cli/stdin@0.2.3" "get-stdin" (func $stdin (result i32)))
      (import "wasi:cli/stdout@0.2.3" "get-stdout" (func $stdout (result i32)))
      (import "wasi:io/streams@0.2.3" "[method]input-stream.blocking-read" (func $read (param i32 i64 i32)))
      (import "wasi:io/streams@0.2.3" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))
      (import "wasi:io/streams@0.2.3" "[method]output-stream.blocking-splice" (func $splice (param i32 i32 i64 i32)))
      (import "wasi:io/streams@0.2.3" "[resource-drop]input-stream" (func $drop-in (param i32)))
      (import "wasi:io/streams@0.2.3" "[resource-drop]output-stream" (func $drop-out (param i32)))
      (memory (export "memory") 2)
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
      (func $failure (param $code i32) (result i64)
        (if (result i64) (i32.eqz (local.get $code)) (then (i64.const 1000000)) (else (i64.const 0))))
      (func (export "cat") (result i64) (local $in i32) (local $out i32) (local $all i64)
        (local.set $in (call $stdin)) (local.set $out (call $stdout))
        (block $end
          (loop $l
            (call $read (local.get $in) (i64.const 4096) (i32.const 16))
            (if (i32.load8_u (i32.const 16))
              (then (local.set $all (i64.add (local.get $all) (call $failure (i32.load8_u (i32.const 20))))) (br $end)))
            (call $write (local.get $out) (i32.load (i32.const 20)) (i32.load (i32.const 24)) (i32.const 32))
            (if (i32.load8_u (i32.const 32))
              (then (local.set $all (i64.add (local.get $all) (i64.const 2000000))) (br $end)))
            (local.set $all (i64.add (local.get $all) (i64.extend_i32_u (i32.load (i32.const 24)))))
            (br $l)))
        (call $drop-in (local.get $in)) (call $drop-out (local.get $out))
        (local.get $all))
      (func (export "splice") (result i64) (local $in i32) (local $out i32) (local $all i64)
        (local.set $in (call $stdin)) (local.set $out (call $stdout))
        (block $end
          (loop $l
            (call $splice (local.get $out) (local.get $in) (i64.const 4096) (i32.const 16))
            (if (i32.load8_u (i32.const 16))
              (then (local.set $all (i64.add (local.get $all) (call $failure (i32.load8_u (i32.const 24))))) (br $end)))
            (local.set $all (i64.add (local.get $all) (i64.load (i32.const 24))))
            (br $l)))
        (call $drop-in (local.get $in)) (call $drop-out (local.get $out))
        (local.get $all))
      (func $print (export "print") (param $text i32) (param $length i32) (param $times i32) (local $out i32)
        (local.set $out (call $stdout))
        (loop $l
          (call $write (local.get $out) (local.get $text) (local.get $length) (i32.const 32))
          (br_if $l (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
        (call $drop-out (local.get $out)))
      (func (export "failing") (param i32 i32) (call $print (local.get 0) (local.get 1) (i32.const 1)) unreachable))`,
    WIT,
    'guest',
  );
}
