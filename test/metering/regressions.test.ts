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
