;; Calls a function of the host in a loop, with a little work between the calls.
(module
  (import "env" "host" (func $host (param i32) (result i32)))
  (func (export "run") (param $n i32) (result i32)
    (local $i i32)
    (local $sum i32)
    (loop $again
      (local.set $sum
        (i32.add
          (i32.mul (local.get $sum) (i32.const 31))
          (call $host (i32.xor (local.get $i) (local.get $sum)))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $sum)))
