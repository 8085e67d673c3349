const IMPORTS: Readonly<Record<string, readonly [canon: string, type: string]>> = {
  wait: ['lower (func $wait-host) async (memory $mem)', '(param i32 i32) (result i32)'],
  new: ['resource.new $thing', '(param i32) (result i32)'],
  drop: ['resource.drop $thing', '(param i32)'],
  return: ['task.return (result u32)', '(param i32)'],
  'cancel-task': ['task.cancel', ''],
  'new-set': ['waitable-set.new', '(result i32)'],
  'drop-set': ['waitable-set.drop', '(param i32)'],
  join: ['waitable.join', '(param i32 i32)'],
  'cancel-subtask': ['subtask.cancel', '(param i32) (result i32)'],
  'drop-subtask': ['subtask.drop', '(param i32)'],
  get: ['context.get i32 0', '(result i32)'],
  set: ['context.set i32 0', '(param i32)'],
};
const NAMES = Object.keys(IMPORTS);

/** What the destructor of a thing does besides calling `note(representation)`, as bits of the representation. */
export const DESTRUCTOR = {
  /** Begins a task of another instance, which yields as often as the rest of the representation says. */
  beginsTask: 1,
  /** Calls the import `wait`, and does not wait for it. */
  callsHost: 2,
  traps: 4,
  /** Begins a task of another instance, which runs without an end. */
  spins: 8,
} as const;
/** What the rest of the representation is multiplied by. */
export const REST = 16;

/**
 * A component whose resource `thing` has a destructor.
 *
 * - `make(representation)` answers a thing; it is no asynchronous function.
 * - `work(n, representation)` waits for `wait(n)`, makes a thing and drops it, and answers n. Cancelled, it drops the thing and ends.
 * - `early(n, representation)` does the same, and drops the thing before it waits.
 * - `late(n, representation)` does the same as `work`, and answers before it waits.
 * - `drops(n, representation)` makes a thing and drops it, and answers n.
 * - `take(thing)` drops it.
 */
export const DESTROYING_GUEST = `(component
  (import "note" (func $note-host (param "representation" u32)))
  (import "wait" (func $wait-host async (param "n" u32) (result u32)))
  (component $Spinning
    (core func $return (canon task.return))
    (core func $get (canon context.get i32 0)) (core func $set (canon context.set i32 0))
    (core module $M (import "" "return" (func $return)) (import "" "get" (func $get (result i32))) (import "" "set" (func $set (param i32)))
      (func (export "spin") (param $times i32) (result i32) (call $set (local.get $times)) (i32.const 1))
      (func (export "cb") (param i32 i32 i32) (result i32)
        (if (i32.eqz (call $get)) (then (call $return) (return (i32.const 0))))
        (call $set (i32.sub (call $get) (i32.const 1)))
        (i32.const 1)))
    (core instance $m (instantiate $M (with "" (instance (export "return" (func $return))
      (export "get" (func $get)) (export "set" (func $set))))))
    (func (export "spin") async (param "times" u32) (canon lift (core func $m "spin") async (callback (core func $m "cb")))))
  (instance $spinning (instantiate $Spinning))
  (alias export $spinning "spin" (func $spin-task))
  (core module $Memory (memory (export "memory") 2))
  (core instance $memory (instantiate $Memory))
  (alias core export $memory "memory" (core memory $mem))
  (core func $note (canon lower (func $note-host)))
  (core func $dtor-wait (canon lower (func $wait-host) async (memory $mem)))
  (core func $spin (canon lower (func $spin-task) async))
  (core module $Dtor (import "" "note" (func $note (param i32))) (import "" "spin" (func $spin (param i32) (result i32)))
    (import "" "wait" (func $wait (param i32 i32) (result i32)))
    (func (export "dtor") (param $rep i32)
      (call $note (local.get $rep))
      (if (i32.and (local.get $rep) (i32.const 1)) (then (drop (call $spin (i32.shr_u (local.get $rep) (i32.const 4))))))
      (if (i32.and (local.get $rep) (i32.const 8)) (then (drop (call $spin (i32.const -1)))))
      (if (i32.and (local.get $rep) (i32.const 2)) (then (drop (call $wait (local.get $rep) (i32.const 64)))))
      (if (i32.and (local.get $rep) (i32.const 4)) (then unreachable))))
  (core instance $dtor (instantiate $Dtor (with "" (instance (export "note" (func $note)) (export "spin" (func $spin))
    (export "wait" (func $dtor-wait))))))
  (type $thing (resource (rep i32) (dtor (core func $dtor "dtor"))))
  ${NAMES.map((name) => `(core func $${name} (canon ${IMPORTS[name]?.[0]}))`).join('\n  ')}
  (core module $M (import "" "memory" (memory 2))
    ${NAMES.map((name) => `(import "" "${name}" (func $${name} ${IMPORTS[name]?.[1]}))`).join('\n    ')}
    (global $next (mut i32) (i32.const 65536))
    (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
    (func (export "take") (param i32) (call $drop (local.get 0)))
    (func $end (param $rep i32) (call $drop (call $new (local.get $rep))))
    ;; Lets the task wait for the import. Its record: the set, the subtask, n and the representation.
    (func $waits (param $n i32) (param $rep i32) (result i32) (local $at i32)
      (local.set $at (global.get $next))
      (global.set $next (i32.or (i32.const 65536) (i32.rem_u (i32.add (local.get $at) (i32.const 16)) (i32.const 65536))))
      (call $set (local.get $at))
      (i32.store (local.get $at) (call $new-set))
      (i32.store offset=4 (local.get $at) (i32.shr_u (call $wait (local.get $n) (i32.const 64)) (i32.const 4)))
      (i32.store offset=8 (local.get $at) (local.get $n))
      (i32.store offset=12 (local.get $at) (local.get $rep))
      (call $join (i32.load offset=4 (local.get $at)) (i32.load (local.get $at)))
      (i32.or (i32.const 2) (i32.shl (i32.load (local.get $at)) (i32.const 4))))
    (func $waited (param $event i32) (local $at i32)
      (local.set $at (call $get))
      (call $join (i32.load offset=4 (local.get $at)) (i32.const 0))
      (if (i32.eq (local.get $event) (i32.const 6))
        (then (drop (call $cancel-subtask (i32.load offset=4 (local.get $at))))))
      (call $drop-subtask (i32.load offset=4 (local.get $at)))
      (call $drop-set (i32.load (local.get $at)))
      (if (i32.load offset=12 (local.get $at)) (then (call $end (i32.load offset=12 (local.get $at))))))
    (func (export "work") (param i32 i32) (result i32) (call $waits (local.get 0) (local.get 1)))
    (func (export "work-cb") (param $event i32) (param i32 i32) (result i32)
      (call $waited (local.get $event))
      (if (i32.eq (local.get $event) (i32.const 6))
        (then (call $cancel-task))
        (else (call $return (i32.load offset=8 (call $get)))))
      (i32.const 0))
    (func (export "early") (param i32 i32) (result i32)
      (call $end (local.get 1)) (call $waits (local.get 0) (i32.const 0)))
    (func (export "late") (param i32 i32) (result i32)
      (call $return (local.get 0))
      (call $waits (local.get 0) (local.get 1)))
    (func (export "late-cb") (param $event i32) (param i32 i32) (result i32) (call $waited (local.get $event)) (i32.const 0))
    (func (export "drops") (param i32 i32) (result i32)
      (call $end (local.get 1)) (call $return (local.get 0)) (i32.const 0))
    (func (export "drops-cb") (param i32 i32 i32) (result i32) unreachable))
  (core instance $m (instantiate $M (with "" (instance (export "memory" (memory $mem))
    ${NAMES.map((name) => `(export "${name}" (func $${name}))`).join(' ')}))))
  (export $t "thing" (type $thing))
  (func (export "make") (param "representation" u32) (result (own $t)) (canon lift (core func $m "make")))
  (func (export "take") (param "thing" (own $t)) (canon lift (core func $m "take")))
  ${['work', 'early', 'late', 'drops']
    .map(
      (name) => `(func (export "${name}") async (param "n" u32) (param "representation" u32) (result u32)
    (canon lift (core func $m "${name}") async (callback (core func $m "${name === 'early' ? 'work' : name}-cb"))))`,
    )
    .join('\n  ')})`;
