import { describe, expect, it } from 'vitest';
import { Guest } from './support/guest.ts';

describe('code that is reached', () => {
  it('only past a legacy try whose handler does not return is counted and called by its convention', async () => {
    const guest = new Guest();
    await guest.link(`(module (tag $e) (type $t (func (result i32))) (table 1 funcref) (elem (i32.const 0) $f)
      (func $f (result i32) (i32.const 5))
      (func $g (result i32) try (nop) catch $e (return (i32.const 1)) end
        (return_call_indirect (type $t) (i32.const 0)))
      (func (export "run") (result i32) (call $g)))`);
    expect(guest.call('run')).toBe('returned 5');
    // run and its call, try, the index and the tail call, then $f and its constant
    expect(guest.tank.usage.callFuel).toBe(1n + 1n + 1n + 1n + 1n + 1n + 1n + 1n);
  });

  it('only by branch tables that are not reached themselves stays dropped', async () => {
    const guest = new Guest();
    await guest.link(`(module (func (export "run") (param i32) (result i32)
      (block $a (block $b (block $c
        (br_if $c (i32.eqz (local.get 0))) (nop) (br_table $b $c (local.get 0)))
        (return (i32.const 1)))
        (return (i32.const 2)) (br_table $a $a (local.get 0)))
      (i32.const 3)))`);
    expect([0, 1].map((n) => guest.call('run', [n]))).toEqual(['returned 1', 'returned 1']);
  });
});

describe('a loop', () => {
  it('that gives a reference more exactly than its type says, which V8 accepts, stays as it is', async () => {
    const guest = new Guest();
    await guest.link(`(module (type $s (struct)) (func (export "run") (result i32)
      (loop $again (result anyref) (br_if $again (i32.const 0)) (struct.new $s))
      (ref.eq (ref.null eq))))`);
    expect(guest.call('run')).toBe('returned 0');
  });

  it('in a nest of loops is copied with it, and counts what it costs', async () => {
    const guest = new Guest();
    await guest.link(`(module (func (export "run") (param $n i32) (result i32) (local $i i32) (local $j i32) (local $sum i32)
      (loop $outer
        (local.set $j (i32.const 0))
        (loop $inner
          (local.set $sum (i32.add (local.get $sum) (local.get $j)))
          (br_if $inner (i32.lt_u (local.tee $j (i32.add (local.get $j) (i32.const 1))) (local.get $i))))
        (br_if $outer (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
      (local.get $sum)))`);
    for (const n of [1, 2, 3, 4, 5, 9, 17]) {
      let sum = 0;
      let turns = 0;
      for (let i = 0; i < n; i++) for (let j = 0; j < Math.max(1, i); j++, turns++) sum += j;
      expect(guest.call('run', [n])).toBe(`returned ${sum}`);
      // The entry, what is given back; 2 and 7 for each turn around, 11 for each inside.
      expect(guest.tank.usage.callFuel).toBe(BigInt(2 + 9 * n + 11 * turns));
    }
  });
});
