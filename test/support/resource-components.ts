// Components that define, export and pass on resources, written by hand.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';

const CARTS = `
  (core module $Shim (table (export "table") 1 funcref)
    (type $t (func (param i32)))
    (func (export "dtor") (param i32) (call_indirect (type $t) (local.get 0) (i32.const 0))))
  (core module $Fix (import "" "table" (table 1 funcref)) (import "" "f" (func $f (param i32)))
    (elem (i32.const 0) func $f))
  (core module $M
    (import "" "new" (func $new (param i32) (result i32)))
    (import "" "rep" (func $rep (param i32) (result i32)))
    (import "" "drop" (func $drop (param i32)))
    (memory (export "mem") 1)
    (global $next (mut i32) (i32.const 16))
    (global $dropped (mut i32) (i32.const 0))
    (global $kept (mut i32) (i32.const 0))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.set $next (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
      (global.get $next)
      (global.set $next (i32.add (global.get $next) (local.get 3))))
    (func $make (param i32) (result i32)
      (global.set $next (i32.and (i32.add (global.get $next) (i32.const 3)) (i32.const -4)))
      (i32.store (global.get $next) (local.get 0))
      (call $new (global.get $next))
      (global.set $next (i32.add (global.get $next) (i32.const 4))))
    (func (export "construct") (param i32) (result i32) (call $make (local.get 0)))
    (func (export "add") (param i32 i32) (result i32)
      (i32.store (local.get 0) (i32.add (i32.load (local.get 0)) (local.get 1)))
      (i32.load (local.get 0)))
    (func (export "merge") (param i32 i32) (result i32)
      (call $make (i32.add (i32.load (call $rep (local.get 0))) (i32.load (call $rep (local.get 1)))))
      (call $drop (local.get 0)) (call $drop (local.get 1)))
    (func (export "sum") (param $at i32) (param $length i32) (result i32) (local $sum i32)
      (block $done (loop $more
        (br_if $done (i32.eqz (local.get $length)))
        (local.set $sum (i32.add (local.get $sum) (i32.load (i32.load (local.get $at)))))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (local.set $length (i32.sub (local.get $length) (i32.const 1)))
        (br $more)))
      (local.get $sum))
    (func (export "keep") (param i32) (global.set $kept (local.get 0)))
    (func (export "take-kept") (result i32) (global.get $kept) (global.set $kept (i32.const 0)))
    (func (export "forged") (param i32) (result i32) (local.get 0))
    (func (export "destructor") (param i32)
      (if (i32.eq (i32.load (local.get 0)) (i32.const 666)) (then unreachable))
      (if (i32.eq (i32.load (local.get 0)) (i32.const 777)) (then (loop $ever (br $ever))))
      (global.set $dropped (i32.add (global.get $dropped) (i32.const 1))))
    (func (export "dropped") (result i32) (global.get $dropped)))
  (core instance $shim (instantiate $Shim))
  (type $Cart (resource (rep i32) (dtor (core func $shim "dtor"))))
  (core func $new (canon resource.new $Cart))
  (core func $rep (canon resource.rep $Cart))
  (core func $drop (canon resource.drop $Cart))
  (core instance $m (instantiate $M (with "" (instance
    (export "new" (func $new)) (export "rep" (func $rep)) (export "drop" (func $drop))))))
  (core instance (instantiate $Fix (with "" (instance
    (export "table" (table $shim "table")) (export "f" (func $m "destructor"))))))
  (func $constructor (param "n" u32) (result (own $Cart)) (canon lift (core func $m "construct")))
  (func $add (param "self" (borrow $Cart)) (param "n" u32) (result u32) (canon lift (core func $m "add")))
  (func $merge (param "a" (own $Cart)) (param "b" (own $Cart)) (result (own $Cart))
    (canon lift (core func $m "merge")))
  (func $sum (param "carts" (list (borrow $Cart))) (result u32)
    (canon lift (core func $m "sum") (memory (core memory $m "mem")) (realloc (core func $m "realloc"))))
  (func $keep (param "cart" (own $Cart)) (canon lift (core func $m "keep")))
  (func $take (result (own $Cart)) (canon lift (core func $m "take-kept")))
  (func $forged (param "n" u32) (result (own $Cart)) (canon lift (core func $m "forged")))
  (func $both (param "lent" (borrow $Cart)) (param "given" (own $Cart)) (result u32) (canon lift (core func $m "add")))`;

const SHOP = `
  (component $Shop
    (import "cart" (type $C (sub resource)))
    (import "construct" (func $constructor (param "n" u32) (result (own $C))))
    (import "add" (func $add (param "self" (borrow $C)) (param "n" u32) (result u32)))
    (import "merge" (func $merge (param "a" (own $C)) (param "b" (own $C)) (result (own $C))))
    (import "sum" (func $sum (param "carts" (list (borrow $C))) (result u32)))
    (import "keep" (func $keep (param "cart" (own $C))))
    (import "take-kept" (func $take (result (own $C))))
    (import "forged" (func $forged (param "n" u32) (result (own $C))))
    (import "both" (func $both (param "lent" (borrow $C)) (param "given" (own $C)) (result u32)))
    (export $E "cart" (type $C))
    (export "[constructor]cart" (func $constructor) (func (param "n" u32) (result (own $E))))
    (export "[method]cart.add-up" (func $add) (func (param "self" (borrow $E)) (param "n" u32) (result u32)))
    (export "[static]cart.merge" (func $merge) (func (param "a" (own $E)) (param "b" (own $E)) (result (own $E))))
    (export "sum" (func $sum) (func (param "carts" (list (borrow $E))) (result u32)))
    (export "keep" (func $keep) (func (param "cart" (own $E))))
    (export "take-kept" (func $take) (func (result (own $E))))
    (export "forged" (func $forged) (func (param "n" u32) (result (own $E))))
    (export "both" (func $both) (func (param "lent" (borrow $E)) (param "given" (own $E)) (result u32))))
  (instance $shop (instantiate $Shop
    (with "cart" (type $Cart)) (with "construct" (func $constructor)) (with "add" (func $add))
    (with "merge" (func $merge)) (with "sum" (func $sum)) (with "keep" (func $keep))
    (with "take-kept" (func $take)) (with "forged" (func $forged)) (with "both" (func $both))))
  (export "demo:shop/carts@1.0.0" (instance $shop))`;

/**
 * A component that exports `demo:shop/carts@1.0.0`: resource `cart` with `constructor(n: u32)`, `add-up: func(n: u32) -> u32`
 * and static `merge: func(a: cart, b: cart) -> cart`, and the functions `sum: func(carts: list<borrow<cart>>) -> u32`,
 * `keep: func(cart)`, `take-kept: func() -> cart`, `forged: func(n: u32) -> cart`, which answers handle `n`, and
 * `both: func(lent: borrow<cart>, given: cart) -> u32`; and `dropped: func() -> u32`, how many destructors have run. The
 * destructor of a cart of 666 traps and that of one of 777 never ends.
 */
export function cartComponent(): Promise<Uint8Array> {
  return parse(`(component ${CARTS} ${SHOP}
    (func (export "dropped") (result u32) (canon lift (core func $m "dropped"))))`);
}
