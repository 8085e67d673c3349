import type { Guest } from './guest.ts';

const catchers: readonly (readonly [string, (inner: string) => string])[] = [
  ['nothing around it', (inner) => inner],
  ['a legacy catch_all', (inner) => `try ${inner} catch_all end`],
  ['a try_table', (inner) => `(block $c (try_table (catch_all $c) ${inner}))`],
  [
    'a try_table with exnref',
    (inner) => `(block $c (result exnref) (try_table (catch_all_ref $c) ${inner}) (return)) drop`,
  ],
];
const inners: readonly (readonly [string, string])[] = [
  ['itself', 'call $f'],
  ['a host function and itself', 'call $host call $f'],
  ['the host, which calls back', 'call $back'],
];

/** What a function calls that recurses, what it has around that, and its body, in which `$f` calls it again. */
export const RECURSIONS: readonly (readonly [calls: string, around: string, body: string])[] = catchers.flatMap(
  ([around, wrap]) => inners.map(([calls, inner]) => [calls, around, wrap(inner)] as const),
);

/** Recurses without end after `warm` calls that end at once; `halfway` counts host functions that did not come to their end. */
export async function recursion(guest: Guest, body: string, warm: number): Promise<{ end: string; halfway: number }> {
  let halfway = 0;
  const host = (): void => {
    halfway++;
    JSON.stringify({ some: ['work'] });
    halfway--;
  };
  const text = `(module (import "a" "host" (func $host)) (import "a" "back" (func $back))
    (func $f (export "run") (param i32) (if (i32.eqz (local.get 0)) (then (return)))
      (local.set 0 (i32.sub (local.get 0) (i32.const 1))) ${body.replaceAll('$f', '$g')})
    (func $g (call $f (i32.const 1000000000)))
    (func (export "warm") (param i32) (loop $l (call $f (i32.const 0))
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))`;
  await guest.link(text, { a: { host, back: () => guest.exports.run?.(1_000_000_000) } });
  if (warm > 0) guest.call('warm', [warm]);
  return { end: guest.call('run', [1_000_000_000]), halfway };
}
