import { componentEmbed, componentNew, parse } from '@bytecodealliance/jco-transpile/wasm-tools';

const WIT = `package test:waiting@1.0.0;
interface db {
  find: func(key: string) -> result<string, string>;
  number: func(n: u32) -> u64;
  nothing: func();
}
world guest {
  import db;
  export find: func(key: string) -> string;
  export sum: func(n: u32) -> u64;
  export catching: func() -> u32;
  export spin: func(n: u32) -> u32;
}`;

/**
 * A component that asks an embedder's interface: `find` once and answers what it is told, the error case behind an
 * exclamation mark; `sum` N times; `catching` within a handler of everything, after which it asks again; `spin` turns a loop.
 */
export async function waitingGuest(): Promise<Uint8Array> {
  const binary = await parse(`(module
    (import "test:waiting/db@1.0.0" "find" (func $find (param i32 i32 i32)))
    (import "test:waiting/db@1.0.0" "number" (func $number (param i32) (result i64)))
    (import "test:waiting/db@1.0.0" "nothing" (func $nothing))
    (memory (export "memory") 2)
    (global $next (mut i32) (i32.const 4096))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
      (global.set $next (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
      (global.get $next)
      (global.set $next (i32.add (global.get $next) (local.get 3))))
    (func (export "find") (param i32 i32) (result i32)
      (call $find (local.get 0) (local.get 1) (i32.const 64))
      (if (i32.eqz (i32.load8_u (i32.const 64)))
        (then (i32.store (i32.const 16) (i32.load (i32.const 68))) (i32.store (i32.const 20) (i32.load (i32.const 72))))
        (else
          (i32.store8 (i32.sub (i32.load (i32.const 68)) (i32.const 1)) (i32.const 33))
          (i32.store (i32.const 16) (i32.sub (i32.load (i32.const 68)) (i32.const 1)))
          (i32.store (i32.const 20) (i32.add (i32.load (i32.const 72)) (i32.const 1)))))
      (i32.const 16))
    (func (export "sum") (param i32) (result i64) (local $sum i64)
      (loop $l
        (local.set $sum (i64.add (local.get $sum) (call $number (local.get 0))))
        (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
      (local.get $sum))
    (func (export "catching") (result i32)
      (block $c (try_table (catch_all $c) (call $nothing)))
      (call $nothing) (drop (call $number (i32.const 7))) (i32.const 42))
    (func (export "spin") (param i32) (result i32)
      (loop $l (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (i32.const 9)))`);
  const embedded = await componentEmbed({ binary, witSource: WIT, world: 'guest', stringEncoding: 'utf8' });
  return componentNew(embedded, []);
}
