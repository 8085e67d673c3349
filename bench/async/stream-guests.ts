/** A type of streams: what the component model calls the payload, and how many bytes one takes in memory. */
interface Payload {
  /** The declaration of `$payload`; empty for a type that has a name already. */
  readonly declaration: string;
  readonly name: string;
  readonly bytes: number;
}

export const BYTES: Payload = { declaration: '', name: 'u8', bytes: 1 };
export const RECORDS: Payload = {
  declaration: '(type $payload (record (field "id" u32) (field "at" u64) (field "value" f64)))',
  name: '$payload',
  bytes: 24,
};

/** How many of them lie in the 64 KiB that are written or read at a time. */
function atOnce({ bytes }: Payload): number {
  return Math.floor(65_536 / bytes);
}

/** The types of a component that exports or imports a function of streams: a record has to have a name outside. */
function types({ declaration, name }: Payload): string {
  if (declaration === '') return `(type $items (stream ${name}))`;
  return `${declaration} (import "payload" (type $named (eq $payload))) (type $items (stream $named))`;
}

const MEMORY = `(core module $Memory (memory (export "memory") 2))
    (core instance $memory (instantiate $Memory)) (alias core export $memory "memory" (core memory $mem))`;

/** The loop that writes `$left` values into `$w`, 64 KiB at a time, and drops the end. */
const writing = (payload: Payload): string => `
      (loop $more
        (local.set $left (i32.sub (local.get $left)
          (i32.shr_u (call $write (local.get $w) (i32.const 0) (i32.const ${atOnce(payload)})) (i32.const 4))))
        (br_if $more (i32.gt_s (local.get $left) (i32.const 0))))
      (call $drop-w (local.get $w))`;

/** Two components: one writes a number of values into a stream, 64 KiB at a time, and the other reads them. */
export function streamPair(payload: Payload): string {
  const named = payload.declaration === '' ? '' : ' (with "payload" (type $named))';
  return `(component
  ${payload.declaration === '' ? '' : `${payload.declaration} (export $named "payload" (type $payload))`}
  (component $Writer
    ${types(payload)} ${MEMORY}
    (core func $new (canon stream.new $items)) (core func $write (canon stream.write $items (memory $mem)))
    (core func $drop-w (canon stream.drop-writable $items)) (core func $return (canon task.return (result $items)))
    (core module $M (import "" "new" (func $new (result i64))) (import "" "write" (func $write (param i32 i32 i32) (result i32)))
      (import "" "drop-w" (func $drop-w (param i32))) (import "" "return" (func $return (param i32)))
      (func (export "start") (param $left i32) (local $ends i64) (local $w i32)
        (local.set $ends (call $new))
        (local.set $w (i32.wrap_i64 (i64.shr_u (local.get $ends) (i64.const 32))))
        (call $return (i32.wrap_i64 (local.get $ends)))${writing(payload)}))
    (core instance $m (instantiate $M (with "" (instance (export "new" (func $new)) (export "write" (func $write))
      (export "drop-w" (func $drop-w)) (export "return" (func $return))))))
    (func (export "start") async (param "count" u32) (result $items) (canon lift (core func $m "start") async)))
  (component $Reader
    ${types(payload)} ${MEMORY}
    (import "start" (func $start-host async (param "count" u32) (result $items)))
    (core func $start (canon lower (func $start-host)))
    (core func $read (canon stream.read $items (memory $mem))) (core func $drop-r (canon stream.drop-readable $items))
    (core module $M (import "" "start" (func $start (param i32) (result i32)))
      (import "" "read" (func $read (param i32 i32 i32) (result i32))) (import "" "drop-r" (func $drop-r (param i32)))
      (func (export "move") (param $count i32) (local $r i32)
        (local.set $r (call $start (local.get $count)))
        (loop $more
          (br_if $more (i32.eqz (i32.and
            (call $read (local.get $r) (i32.const 0) (i32.const ${atOnce(payload)})) (i32.const 15)))))
        (call $drop-r (local.get $r))))
    (core instance $m (instantiate $M (with "" (instance (export "start" (func $start)) (export "read" (func $read))
      (export "drop-r" (func $drop-r))))))
    (func (export "move") async (param "count" u32) (canon lift (core func $m "move"))))
  (instance $w (instantiate $Writer${named}))
  (instance $r (instantiate $Reader (with "start" (func $w "start"))${named}))
  (func (export "move") (alias export $r "move")))`;
}

/** Gives a stream to the import `take`, writes a number of values into it, 64 KiB at a time, and answers what `take` answered. */
export function writingGuest(payload: Payload): string {
  return `(component
  ${types(payload)} ${MEMORY}
  (import "take" (func $take-host async (param "items" $items) (result u32)))
  (core func $take (canon lower (func $take-host) async (memory $mem)))
  (core func $new (canon stream.new $items)) (core func $write (canon stream.write $items (memory $mem)))
  (core func $drop-w (canon stream.drop-writable $items)) (core func $return (canon task.return (result u32)))
  (core func $new-set (canon waitable-set.new)) (core func $join (canon waitable.join))
  (core func $wait (canon waitable-set.wait (memory $mem))) (core func $drop (canon subtask.drop))
  (core module $M (import "" "memory" (memory 2)) (import "" "take" (func $take (param i32 i32) (result i32)))
    (import "" "new" (func $new (result i64))) (import "" "write" (func $write (param i32 i32 i32) (result i32)))
    (import "" "drop-w" (func $drop-w (param i32))) (import "" "return" (func $return (param i32)))
    (import "" "new-set" (func $new-set (result i32))) (import "" "join" (func $join (param i32 i32)))
    (import "" "wait" (func $wait (param i32 i32) (result i32))) (import "" "drop" (func $drop (param i32)))
    (func (export "send") (param $left i32) (local $ends i64) (local $w i32) (local $call i32) (local $set i32)
      (local.set $ends (call $new))
      (local.set $w (i32.wrap_i64 (i64.shr_u (local.get $ends) (i64.const 32))))
      (local.set $call (i32.shr_u (call $take (i32.wrap_i64 (local.get $ends)) (i32.const 0x10000)) (i32.const 4)))${writing(payload)}
      (local.set $set (call $new-set))
      (call $join (local.get $call) (local.get $set))
      (drop (call $wait (local.get $set) (i32.const 0x10010)))
      (call $drop (local.get $call))
      (call $return (i32.load (i32.const 0x10000)))))
  (core instance $m (instantiate $M (with "" (instance (export "memory" (memory $mem)) (export "take" (func $take))
    (export "new" (func $new)) (export "write" (func $write)) (export "drop-w" (func $drop-w)) (export "return" (func $return))
    (export "new-set" (func $new-set)) (export "join" (func $join)) (export "wait" (func $wait)) (export "drop" (func $drop))))))
  (func (export "send") async (param "count" u32) (result u32) (canon lift (core func $m "send") async)))`;
}
