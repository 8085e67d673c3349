// A component of two instances whose guest code does what JavaScript tells it, one built-in at a time.

/** What streams and futures of the guests carry, by the names that scripts use: their type, and whether values lie in memory. */
export const PAYLOADS = {
  none: '',
  bytes: 'u8',
  words: 'u32',
  longs: 'u64',
  texts: 'string',
  pairs: '$pair',
  things: '(own $thing)',
} as const;
export type Payload = keyof typeof PAYLOADS;

/** How the functions that run scripts are lifted. */
export const KINDS = ['callback', 'stackful', 'blocking', 'plain'] as const;
export type Kind = (typeof KINDS)[number];

interface Operation {
  readonly canon: string;
  /** Its core parameters, by one letter each. */
  readonly takes: string;
  readonly gives: '' | 'i' | 'I';
}

const op = (canon: string, takes: string, gives: Operation['gives'] = ''): Operation => ({ canon, takes, gives });

/** The ends' own operations for one payload. */
function copies(payload: Payload): Record<string, Operation> {
  const found: Record<string, Operation> = {};
  for (const kind of ['stream', 'future'] as const) {
    const type = `$${kind}-${payload}`;
    const takes = kind === 'stream' ? 'iii' : 'ii';
    const options = `(memory $mem) ${payload === 'texts' ? '(realloc $realloc)' : ''}`;
    found[`${kind}.new ${payload}`] = op(`${kind}.new ${type}`, '', 'I');
    for (const [way, end] of [
      ['read', 'readable'],
      ['write', 'writable'],
    ] as const) {
      const its = way === 'read' ? options : '(memory $mem)';
      found[`${kind}.${way} ${payload}`] = op(`${kind}.${way} ${type} async ${its}`, takes, 'i');
      found[`${kind}.${way}-sync ${payload}`] = op(`${kind}.${way} ${type} ${its}`, takes, 'i');
      found[`${kind}.cancel-${way} ${payload}`] = op(`${kind}.cancel-${way} ${type} async`, 'i', 'i');
      found[`${kind}.cancel-${way}-sync ${payload}`] = op(`${kind}.cancel-${way} ${type}`, 'i', 'i');
      found[`${kind}.drop-${end} ${payload}`] = op(`${kind}.drop-${end} ${type}`, 'i');
    }
  }
  return found;
}

const BUILTINS: Record<string, Operation> = {
  'waitable-set.new': op('waitable-set.new', '', 'i'),
  'waitable-set.wait': op('waitable-set.wait (memory $mem)', 'ii', 'i'),
  'waitable-set.poll': op('waitable-set.poll (memory $mem)', 'ii', 'i'),
  'waitable-set.drop': op('waitable-set.drop', 'i'),
  'waitable.join': op('waitable.join', 'ii'),
  'subtask.cancel': op('subtask.cancel async', 'i', 'i'),
  'subtask.cancel-sync': op('subtask.cancel', 'i', 'i'),
  'subtask.drop': op('subtask.drop', 'i'),
  'task.return': op('task.return (result u32)', 'i'),
  'task.cancel': op('task.cancel', ''),
  'thread.yield': op('thread.yield', '', 'i'),
  'backpressure.inc': op('backpressure.inc', ''),
  'backpressure.dec': op('backpressure.dec', ''),
  'context.get': op('context.get i32 1', '', 'i'),
  'context.set': op('context.set i32 1', 'i'),
  'host.wait': op('lower (func $wait) async (memory $mem)', 'ii', 'i'),
  'host.wait-sync': op('lower (func $wait)', 'i', 'i'),
};

/** What concerns resources, which a third instance defines. */
const THINGS: Record<string, Operation> = {
  'thing.make': op('lower (func $make)', '', 'i'),
  'thing.new': op('lower (func $new-thing)', 'i', 'i'),
  'thing.value': op('lower (func $value)', 'i', 'i'),
  'thing.drop': op('resource.drop $thing', 'i'),
  'things.gone': op('lower (func $gone)', '', 'i'),
  'thing.hold': op('lower (func $hold) async (memory $mem)', 'i', 'i'),
};
/** How the instances import it. */
const THING_IMPORTS = [
  ['make', '(result (own $thing))'],
  ['new-thing', '(param "n" u32) (result (own $thing))'],
  ['value', '(param "thing" (borrow $thing)) (result u32)'],
  ['gone', '(result u32)'],
  ['hold', 'async (param "thing" (borrow $thing))'],
] as const;

/** What the host gives and takes. Only the instance `b` has it. */
function hostEnds(payloads: readonly Payload[]): Record<string, Operation> {
  const found: Record<string, Operation> = {};
  for (const payload of payloads) {
    for (const kind of ['stream', 'future']) {
      found[`${kind}.to-host ${payload}`] = op(`lower (func $host-take-${kind}-${payload})`, 'i');
      found[`${kind}.from-host ${payload}`] = op(`lower (func $host-give-${kind}-${payload})`, '', 'i');
    }
  }
  return found;
}

/** The same as imports. */
function hostImports(payloads: readonly Payload[]): readonly (readonly [name: string, type: string])[] {
  return payloads.flatMap((name) =>
    ['stream', 'future'].flatMap((kind) => [
      [`host-take-${kind}-${name}`, `(param "end" $${kind}-${name})`] as const,
      [`host-give-${kind}-${name}`, `(result $${kind}-${name})`] as const,
    ]),
  );
}

/** The calls of the other instance: each kind of function asynchronously and synchronously, and ends that are given and taken. */
function calls(payloads: readonly Payload[]): Record<string, Operation> {
  const found: Record<string, Operation> = {};
  for (const kind of KINDS) {
    if (kind !== 'plain') found[`call ${kind}`] = op(`lower (func $peer-${kind}) async (memory $mem)`, 'ii', 'i');
    found[`call-sync ${kind}`] = op(`lower (func $peer-${kind})`, 'i', 'i');
  }
  if (payloads.includes('things')) found['call lent'] = op('lower (func $peer-lent) async (memory $mem)', 'iii', 'i');
  for (const payload of payloads) {
    for (const kind of ['stream', 'future']) {
      found[`${kind}.give ${payload}`] = op(`lower (func $peer-give-${kind}-${payload})`, 'i', 'i');
      found[`${kind}.take ${payload}`] = op(`lower (func $peer-take-${kind}-${payload})`, 'i', 'i');
    }
  }
  return found;
}

/** What guest code does by itself. */
const MEMORY: Readonly<Record<string, readonly [takes: string, gives: Operation['gives'], code: string]>> = {
  'store 8': ['ii', '', '(i32.store8 (local.get $a) (local.get $b))'],
  'store 32': ['ii', '', '(i32.store (local.get $a) (local.get $b))'],
  'load 8': ['i', 'i', '(i32.load8_u (local.get $a))'],
  'load 32': ['i', 'i', '(i32.load (local.get $a))'],
  'thing.lent': ['', 'i', '(global.get $lent)'],
};

/** The operations of both instances, in the order of their numbers. Number 0 leaves the guest code. */
export function operationsOf(payloads: readonly Payload[], hasHost = false): readonly string[] {
  return ['leave', ...Object.keys({ ...MEMORY, ...canons(payloads, true, hasHost) })];
}

function canons(payloads: readonly Payload[], hasPeer: boolean, hasHost: boolean): Record<string, Operation> {
  const found = { ...BUILTINS, ...(payloads.includes('things') ? THINGS : {}) };
  for (const payload of payloads) Object.assign(found, copies(payload));
  return Object.assign(found, hasPeer ? calls(payloads) : {}, hasPeer && hasHost ? hostEnds(payloads) : {});
}

const CORE = { i: 'i32', I: 'i64' } as const;
const ARGUMENTS = ['$a', '$b', '$c'];
const idOf = (name: string): string => `$${name.replaceAll(' ', '_')}`;

function typeOf({ takes, gives }: Operation): string {
  const params = [...takes].map((letter) => CORE[letter as 'i']).join(' ');
  return `(param ${params})${gives === '' ? '' : ` (result ${CORE[gives]})`}`;
}

/** Code of one operation, which leaves its answer as an `i64` in `$result`. */
function branch(number: number, gives: Operation['gives'], code: string): string {
  const answer = gives === 'i' ? `(i64.extend_i32_u ${code})` : gives === 'I' ? code : `${code} (i64.const 0)`;
  const set = gives === '' ? code : `(local.set $result ${answer})`;
  return `(if (i32.eq (local.get $op) (i32.const ${number})) (then ${set} (br $next)))`;
}

const TYPES = (payloads: readonly Payload[]): string =>
  payloads
    .map(
      (name) => `(type $stream-${name} (stream ${PAYLOADS[name]})) (type $future-${name} (future ${PAYLOADS[name]}))`,
    )
    .join(' ');

const PAIR = '(type $pair (tuple u8 u32))';
const RUN = '(param "script" u32) (result u32)';
const NEXT = '(param "script" u32) (param "result" u64) (result (tuple u32 u32 u32 u32))';

/** The functions that an instance has for the other one: those that run scripts, and those that give and take ends. */
function interfaceOf(payloads: readonly Payload[]): readonly (readonly [name: string, type: string])[] {
  return [
    ...KINDS.map((kind) => [kind, `${kind === 'plain' ? '' : 'async '}${RUN}`] as const),
    ...(payloads.includes('things') ? [['lent', `async (param "thing" (borrow $thing)) ${RUN}`] as const] : []),
    ...payloads.flatMap((name) =>
      ['stream', 'future'].flatMap((kind) => [
        [`give-${kind}-${name}`, `(param "end" $${kind}-${name}) (result u32)`] as const,
        [`take-${kind}-${name}`, `(param "handle" u32) (result $${kind}-${name})`] as const,
      ]),
    ),
  ];
}

function lift(name: string, type: string): string {
  const core = name.startsWith('give') || name.startsWith('take') ? 'same' : name === 'plain' ? 'blocking' : name;
  const options =
    name === 'callback' || name === 'lent'
      ? 'async (callback (core func $m "callback-go-on"))'
      : name === 'stackful'
        ? 'async'
        : '';
  return `(func (export "${name}") ${type} (canon lift (core func $m "${core}") ${options}))`;
}

function instance(payloads: readonly Payload[], hasPeer: boolean, hasHost: boolean): string {
  const all = canons(payloads, hasPeer, hasHost);
  const numbers = new Map(operationsOf(payloads, hasHost).map((name, number) => [name, number]));
  const numberOf = (name: string): number => numbers.get(name) as number;
  const branches = [
    ...Object.entries(MEMORY).map(([name, [, gives, code]]) => branch(numberOf(name), gives, code)),
    ...Object.entries(all).map(([name, operation]) => {
      const args = [...operation.takes].map((_, index) => `(local.get ${ARGUMENTS[index]})`);
      return branch(numberOf(name), operation.gives, `(call ${idOf(name)} ${args.join(' ')})`);
    }),
  ];
  const peers = hasPeer
    ? interfaceOf(payloads).map(([name, type]) => `(import "peer-${name}" (func $peer-${name} ${type}))`)
    : [];
  const given = Object.keys(all).map((name) => `(export "${name}" (func ${idOf(name)}))`);
  const things = payloads.includes('things')
    ? [
        '(import "thing" (type $thing (sub resource)))',
        ...THING_IMPORTS.map(([name, type]) => `(import "${name}" (func $${name} ${type}))`),
      ]
    : [];
  return `
    ${things.join('\n')}
    ${PAIR} ${TYPES(payloads)}
    (import "next" (func $next-host ${NEXT}))
    (import "wait" (func $wait async (param "n" u32) (result u32)))
    ${peers.join('\n')}
    ${(hasPeer && hasHost ? hostImports(payloads) : []).map(([name, type]) => `(import "${name}" (func $${name} ${type}))`).join('\n')}
    (core module $Memory (memory (export "memory") 1)
      (global $top (mut i32) (i32.const 32768))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (global.set $top (i32.add (global.get $top) (local.get 3)))
        (i32.sub (global.get $top) (local.get 3))))
    (core instance $memory (instantiate $Memory))
    (alias core export $memory "memory" (core memory $mem))
    (alias core export $memory "realloc" (core func $realloc))
    (core func $next (canon lower (func $next-host) (memory $mem)))
    (core func $get (canon context.get i32 0)) (core func $set (canon context.set i32 0))
    ${Object.entries(all)
      .map(([name, { canon }]) => `(core func ${idOf(name)} (canon ${canon}))`)
      .join('\n')}
    (core module $M
      (import "" "memory" (memory 1))
      (import "" "next" (func $ask (param i32 i64 i32)))
      (import "" "get" (func $get (result i32))) (import "" "set" (func $set (param i32)))
      ${Object.entries(all)
        .map(([name, each]) => `(import "" "${name}" (func ${idOf(name)} ${typeOf(each)}))`)
        .join('\n')}
      (global $lent (mut i32) (i32.const 0))
      (func $drive (param $script i32) (param $result i64) (result i32)
        (local $op i32) (local $a i32) (local $b i32) (local $c i32)
        (loop $next
          (call $ask (local.get $script) (local.get $result) (i32.const 65280))
          (local.set $op (i32.load (i32.const 65280))) (local.set $a (i32.load (i32.const 65284)))
          (local.set $b (i32.load (i32.const 65288))) (local.set $c (i32.load (i32.const 65292)))
          (local.set $result (i64.const 0))
          (if (i32.eqz (local.get $op)) (then (return (local.get $a))))
          ${branches.join('\n')})
        unreachable)
      (func (export "blocking") (param i32) (result i32) (call $drive (local.get 0) (i64.const 0)))
      (func (export "stackful") (param i32) (drop (call $drive (local.get 0) (i64.const 0))))
      (func (export "callback") (param i32) (result i32)
        (call $set (local.get 0)) (call $drive (local.get 0) (i64.const 0)))
      (func (export "lent") (param i32 i32) (result i32)
        (global.set $lent (local.get 0)) (call $set (local.get 1)) (call $drive (local.get 1) (i64.const 0)))
      (func (export "callback-go-on") (param $event i32) (param $handle i32) (param $payload i32) (result i32)
        (call $drive (call $get) (i64.or (i64.extend_i32_u (i32.or (local.get $event)
          (i32.shl (local.get $handle) (i32.const 8)))) (i64.shl (i64.extend_i32_u (local.get $payload)) (i64.const 32)))))
      (func (export "same") (param i32) (result i32) (local.get 0)))
    (core instance $m (instantiate $M (with "" (instance (export "memory" (memory $mem)) (export "next" (func $next))
      (export "get" (func $get)) (export "set" (func $set)) ${given.join(' ')}))))
    ${interfaceOf(payloads)
      .map(([name, type]) => lift(name, type))
      .join('\n')}`;
}

/**
 * The component that defines a resource: `make` and `new-thing` make one, `value` says with which number, `gone` says how many were
 * destroyed, and `hold` is lent one until its call is cancelled.
 */
const DEFINING = `(component $Things
  (core func $new-set (canon waitable-set.new)) (core func $cancel (canon task.cancel))
  (core module $D (import "" "new-set" (func $new-set (result i32))) (import "" "cancel" (func $cancel))
    (global $gone (mut i32) (i32.const 0))
    (func (export "destroy") (param i32) (global.set $gone (i32.add (global.get $gone) (i32.const 1))))
    (func (export "gone") (result i32) (global.get $gone))
    (func (export "value") (param i32) (result i32) (local.get 0))
    (func (export "hold") (param i32) (result i32) (i32.or (i32.const 2) (i32.shl (call $new-set) (i32.const 4))))
    (func (export "hold-go-on") (param i32 i32 i32) (result i32) (call $cancel) (i32.const 0)))
  (core instance $d (instantiate $D (with "" (instance (export "new-set" (func $new-set)) (export "cancel" (func $cancel))))))
  (type $defined (resource (rep i32) (dtor (core func $d "destroy"))))
  (core func $new (canon resource.new $defined))
  (core module $M (import "" "new" (func $new (param i32) (result i32)))
    (func (export "make") (result i32) (call $new (i32.const 7)))
    (func (export "new-thing") (param i32) (result i32) (call $new (local.get 0))))
  (core instance $m (instantiate $M (with "" (instance (export "new" (func $new))))))
  (export $thing "thing" (type $defined))
  (func (export "make") (result (own $thing)) (canon lift (core func $m "make")))
  (func (export "new-thing") (param "n" u32) (result (own $thing)) (canon lift (core func $m "new-thing")))
  (func (export "value") (param "thing" (borrow $thing)) (result u32) (canon lift (core func $d "value")))
  (func (export "gone") (result u32) (canon lift (core func $d "gone")))
  (func (export "hold") async (param "thing" (borrow $thing))
    (canon lift (core func $d "hold") async (callback (core func $d "hold-go-on")))))
  (instance $things (instantiate $Things))
  (alias export $things "thing" (type $thing))`;

/**
 * The text of the component. The instance `a` is called by the instance `b` and by the host, `b` by the host alone. Each of their
 * functions runs one script: it asks the import `next` what to do, does it, and says what came out.
 * @param hasHost whether the host takes and gives ends; then no payload is a resource
 */
export function scriptedComponent(payloads: readonly Payload[], hasHost = false): string {
  const peers = interfaceOf(payloads).map(([name]) => `(with "peer-${name}" (func $a "${name}"))`);
  const given = hasHost ? hostImports(payloads) : [];
  const hasThings = payloads.includes('things');
  const things = THING_IMPORTS.map(([name]) => `(with "${name}" (func $things "${name}"))`).join(' ');
  const host = `(with "next" (func $next)) (with "wait" (func $wait)) ${hasThings ? `(with "thing" (type $thing)) ${things}` : ''}`;
  return `(component
    (import "next" (func $next ${NEXT}))
    (import "wait" (func $wait async (param "n" u32) (result u32)))
    ${hasThings ? DEFINING : ''}
    ${hasHost ? `${PAIR} ${TYPES(payloads)}` : ''}
    ${given.map(([name, type]) => `(import "${name}" (func $${name} ${type}))`).join('\n')}
    (component $A ${instance(payloads, false, hasHost)})
    (component $B ${instance(payloads, true, hasHost)})
    (instance $a (instantiate $A ${host}))
    (instance $b (instantiate $B ${host} ${peers.join(' ')}
      ${given.map(([name]) => `(with "${name}" (func $${name}))`).join(' ')}))
    ${KINDS.map((kind) => `(export "a-${kind}" (func $a "${kind}")) (export "b-${kind}" (func $b "${kind}"))`).join('\n')})`;
}
