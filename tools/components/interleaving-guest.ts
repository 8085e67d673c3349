const BUILTINS: Readonly<Record<string, readonly [canon: string, type: string]>> = {
  wait: ['lower (func $wait-host) async (memory $mem)', '(param i32 i32) (result i32)'],
  return: ['task.return (result u32)', '(param i32)'],
  'cancel-task': ['task.cancel', ''],
  new: ['waitable-set.new', '(result i32)'],
  join: ['waitable.join', '(param i32 i32)'],
  drop: ['subtask.drop', '(param i32)'],
  'drop-set': ['waitable-set.drop', '(param i32)'],
  get: ['context.get i32 0', '(result i32)'],
  set: ['context.set i32 0', '(param i32)'],
  inc: ['backpressure.inc', ''],
  dec: ['backpressure.dec', ''],
};

const CANCEL = ['subtask.cancel', '(param i32) (result i32)'] as const;
const CANCELLING = `
        (call $join (i32.load offset=8 (local.get $at)) (i32.const 0))
        (drop (call $cancel (i32.load offset=8 (local.get $at))))
        (call $clean (local.get $at))`;

/**
 * A component whose calls may run side by side. Each call keeps what belongs to it in 16 bytes of the memory, whose place is its thread's
 * number: the answer of the import, its set and its subtask.
 *
 * - `work(n)` waits for the import `wait(n)`, then counts to what that answered, and answers it. Cancelled, it cancels the import and
 *   ends, or only ends.
 * - `stay(n)` does the same, and ignores that it is cancelled.
 * - `fall(n)` waits for `wait(n)` and traps.
 * - `spin(n)` waits for `wait(n)` and runs for ever.
 * - `count()` answers at once how many calls of `work` have begun; it is no asynchronous function.
 * - `hold(n)` asks that no call begins, until `wait(n)` has answered.
 *
 * @param cancels whether it imports what cancels the import. Its guest code runs on stacks of its own then, since that may block.
 */
export function interleavingGuest(cancels: boolean): string {
  const builtins = cancels ? { ...BUILTINS, cancel: CANCEL } : BUILTINS;
  const names = Object.keys(builtins);
  return `(component
  (import "wait" (func $wait-host async (param "n" u32) (result u32)))
  (core module $Memory (memory (export "memory") 4))
  (core instance $memory (instantiate $Memory))
  (alias core export $memory "memory" (core memory $mem))
  ${names.map((name) => `(core func $${name} (canon ${(builtins as typeof BUILTINS)[name]?.[0]}))`).join('\n  ')}
  (core module $M (import "" "memory" (memory 1))
    ${names.map((name) => `(import "" "${name}" (func $${name} ${(builtins as typeof BUILTINS)[name]?.[1]}))`).join('\n    ')}
    (global $next (mut i32) (i32.const 64)) (global $begun (mut i32) (i32.const 0))
    (func $wait-for (param $n i32) (result i32) (local $at i32) (local $state i32)
      (local.set $at (global.get $next))
      (global.set $next (i32.rem_u (i32.add (local.get $at) (i32.const 16)) (i32.const 0x40000)))
      (call $set (local.get $at))
      (i32.store offset=4 (local.get $at) (call $new))
      (local.set $state (call $wait (local.get $n) (local.get $at)))
      (if (i32.eq (local.get $state) (i32.const 2))
        (then (i32.store offset=8 (local.get $at) (i32.const 0)) (return (i32.const 1))))
      (i32.store offset=8 (local.get $at) (i32.shr_u (local.get $state) (i32.const 4)))
      (call $join (i32.load offset=8 (local.get $at)) (i32.load offset=4 (local.get $at)))
      (i32.or (i32.const 2) (i32.shl (i32.load offset=4 (local.get $at)) (i32.const 4))))
    (func $clean (param $at i32)
      (if (i32.load offset=8 (local.get $at)) (then (call $drop (i32.load offset=8 (local.get $at)))))
      (call $drop-set (i32.load offset=4 (local.get $at))))
    (func $finish (param $at i32) (result i32) (local $left i32)
      (call $clean (local.get $at))
      (local.set $left (i32.load (local.get $at)))
      (block $done (loop $more
        (br_if $done (i32.eqz (local.get $left)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $more)))
      (call $return (i32.load (local.get $at)))
      (i32.const 0))
    (func (export "work") (param $n i32) (result i32)
      (global.set $begun (i32.add (global.get $begun) (i32.const 1)))
      (call $wait-for (local.get $n)))
    (func (export "start") (param $n i32) (result i32) (call $wait-for (local.get $n)))
    (func (export "work-cb") (param $event i32) (param $handle i32) (param $state i32) (result i32) (local $at i32)
      (local.set $at (call $get))
      (if (i32.eq (local.get $event) (i32.const 6)) (then
        ${cancels ? CANCELLING : ''}
        (call $cancel-task)
        (return (i32.const 0))))
      (call $finish (local.get $at)))
    (func (export "stay-cb") (param $event i32) (param $handle i32) (param $state i32) (result i32) (local $at i32)
      (local.set $at (call $get))
      (if (i32.eq (local.get $event) (i32.const 6))
        (then (return (i32.or (i32.const 2) (i32.shl (i32.load offset=4 (local.get $at)) (i32.const 4))))))
      (call $finish (local.get $at)))
    (func (export "fall-cb") (param i32 i32 i32) (result i32) unreachable)
    (func (export "spin-cb") (param i32 i32 i32) (result i32) (loop $more (br $more)) (i32.const 0))
    (func (export "hold") (param $n i32) (result i32) (call $inc) (call $wait-for (local.get $n)))
    (func (export "hold-cb") (param $event i32) (param i32 i32) (result i32) (call $dec) (call $finish (call $get)))
    (func (export "count") (result i32) (global.get $begun)))
  (core instance $m (instantiate $M (with "" (instance (export "memory" (memory $mem))
    ${names.map((name) => `(export "${name}" (func $${name}))`).join(' ')}))))
  ${[
    ['work', 'work'],
    ['stay', 'start'],
    ['fall', 'start'],
    ['spin', 'start'],
    ['hold', 'hold'],
  ]
    .map(
      ([name, core]) => `(func (export "${name}") async (param "n" u32) (result u32)
    (canon lift (core func $m "${core}") async (callback (core func $m "${name}-cb"))))`,
    )
    .join('\n  ')}
  (func (export "count") (result u32) (canon lift (core func $m "count"))))`;
}
