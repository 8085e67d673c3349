import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';

const TYPE = '(param "n" u32) (result (result u32 (error u32)))';
const PLAIN = '(param "n" u32) (result u32)';
const PASS =
  '(if (i32.load8_u (i32.const 16)) (then (i32.store8 (i32.const 32) (i32.const 1))) (else (i32.store8 (i32.const 32) (i32.const 0))))';

/** The innermost: asks the host, and adds one; answers the error case for 13, traps behind the answer for 14, turns a loop for 15. */
const INNERMOST = `(component
  (import "slow" (func $slow ${PLAIN}))
  (core func $lowered (canon lower (func $slow)))
  (core module $m
    (import "" "slow" (func $slow (param i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "call") (param i32) (result i32) (local $spins i32)
      (if (i32.eq (local.get 0) (i32.const 12)) (then unreachable))
      (if (i32.eq (local.get 0) (i32.const 15))
        (then (local.set $spins (i32.const -1))
          (loop $l (br_if $l (local.tee $spins (i32.sub (local.get $spins) (i32.const 1)))))))
      (i32.store8 (i32.const 32) (i32.eq (local.get 0) (i32.const 13)))
      (i32.store (i32.const 36) (i32.add (call $slow (local.get 0)) (i32.const 1)))
      (if (i32.eq (local.get 0) (i32.const 14)) (then unreachable))
      (drop (memory.grow (i32.const 1)))
      (i32.const 32)))
  (core instance $i (instantiate $m (with "" (instance (export "slow" (func $lowered))))))
  (func (export "call") ${TYPE} (canon lift (core func $i "call") (memory (core memory $i "memory")))))`;

/** Asks the one within, within a handler of everything, and then once more for the number that it answered. */
const AROUND = `(component
  (import "call" (func $call ${TYPE}))
  (core module $memory (memory (export "memory") 1))
  (core instance $memory (instantiate $memory))
  (core func $lowered (canon lower (func $call) (memory (core memory $memory "memory"))))
  (core module $m
    (import "" "call" (func $call (param i32 i32)))
    (import "" "memory" (memory 1))
    (func (export "call") (param i32) (result i32)
      (block $c (try_table (catch_all $c) (call $call (local.get 0) (i32.const 16))))
      (if (i32.eqz (i32.load8_u (i32.const 16)))
        (then (call $call (i32.add (i32.load (i32.const 20)) (i32.const 100)) (i32.const 16))))
      ${PASS}
      (i32.store (i32.const 36) (i32.load (i32.const 20)))
      (i32.const 32)))
  (core instance $i (instantiate $m (with "" (instance (export "call" (func $lowered)) (export "memory" (memory $memory "memory"))))))
  (func (export "call") ${TYPE} (canon lift (core func $i "call") (memory (core memory $memory "memory")))))`;

/** Components that call each other, `around` of them about one that calls the host's function `slow`. */
export function composedGuests(around: number): Promise<Uint8Array> {
  const layers = Array.from(
    { length: around },
    (_, index) => `(instance $i${index + 1} (instantiate $around (with "call" (func $i${index} "call"))))`,
  );
  return parse(`(component
    (import "slow" (func $slow ${PLAIN}))
    (component $inner ${INNERMOST.slice('(component'.length)}
    (component $around ${AROUND.slice('(component'.length)}
    (instance $i0 (instantiate $inner (with "slow" (func $slow))))
    ${layers.join('\n')}
    (export "call" (func $i${around} "call")))`);
}
