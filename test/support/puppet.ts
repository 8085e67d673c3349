// A real component that does to other actors what a message tells it: the guest of the tests of whole systems.
import { actor, BUMP } from '../../tools/components/actor-wat.ts';

/**
 * What a puppet is told: to answer the rest; to send or request it from `t/NAME/1`; the same and then to trap; to send the
 * whole message back to who sent it; to broadcast to `t/00000/1`, `t/00001/1` and so on; to tell the last callback; to grow by 100 pages.
 */
export type Verb = 'echo' | 'send' | 'request' | 'request, then trap' | 'bounce' | 'broadcast' | 'last' | 'trap';

const LETTERS: Readonly<Record<Verb, string>> = {
  echo: '.',
  send: 's',
  request: 'r',
  'request, then trap': 'w',
  bounce: 'b',
  broadcast: 'x',
  last: 'l',
  trap: 't',
};

/** A message to a puppet: what it does, to whom, with what. */
export function order(verb: Verb, name = '', rest: Uint8Array | string = ''): Uint8Array {
  return Buffer.concat([Buffer.from([LETTERS[verb].charCodeAt(0), name.length]), Buffer.from(name), Buffer.from(rest)]);
}

export const broadcastName = (n: number): string => String(n).padStart(5, '0');

/** The cases of `messaging-error` in the order of the contract; what a puppet answers of a host call, read. */
const FAILURES = [
  'delivery-failed',
  'correlation-timeout',
  'invalid-message',
  'queue-full',
  'target-not-found',
  'cancelled',
  'permission-denied',
  'unavailable',
];

/** `ok`, with the number where one comes, or the case of the error. */
export function outcome(reply: Uint8Array | undefined): string {
  const view = Buffer.from(reply ?? []);
  if (view.readUInt32LE(0) === 0) return 'ok';
  return FAILURES[view[4] as number] as string;
}

/** What the puppet's last callback received: how many there were, and the answer or the case of its failure. */
export function lastCallback(reply: Uint8Array | undefined): { count: number; failure?: string; answer: string } {
  const view = Buffer.from(reply ?? []);
  const failed = view[4] === 1;
  const answer = view.subarray(8).toString();
  return { count: view.readUInt32LE(0), ...(failed && { failure: FAILURES[view[5] as number] as string }), answer };
}

const HOST = 'vivarium:actor/host-messaging@0.1.0';
const TARGET = `(i32.const 512) (i32.const 1) (i32.add (local.get $p) (i32.const 2)) (local.get $n) (i32.const 513) (i32.const 1)`;
const REST_AT = '(i32.add (local.get $p) (i32.add (local.get $n) (i32.const 2)))';
const REST_LENGTH = '(i32.sub (local.get $len) (i32.add (local.get $n) (i32.const 2)))';
const REST = `${REST_AT} ${REST_LENGTH}`;
const SENDER = [0, 4, 8, 12, 16, 20].map((offset) => `(i32.load offset=${offset} (local.get $msg))`).join(' ');
const answer = (pointer: string, length: string): string => `
  (i32.store8 (i32.const 16) (i32.const 0)) (i32.store8 (i32.const 20) (i32.const 1))
  (i32.store (i32.const 24) ${pointer}) (i32.store (i32.const 28) ${length})
  (return (i32.const 16))`;
/** The first 8 bytes of what a host function wrote. */
const ANSWER_OUTCOME = answer('(i32.const 256)', '(i32.const 8)');
const on = (verb: Verb, text: string): string =>
  `(if (i32.eq (local.get $verb) (i32.const ${LETTERS[verb].charCodeAt(0)})) (then ${text}))`;

/** `t`, `1` at 512; what the last callback brought from 768 on; the targets of a broadcast from 64 KiB on. */
const fields = (targets: number): string => `
  (import "${HOST}" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "${HOST}" "request" (func $request (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "${HOST}" "broadcast" (func $broadcast (param i32 i32 i32 i32 i32)))
  (data (i32.const 512) "t1")
  (global $callbacks (mut i32) (i32.const 0))
  (global $kept (mut i32) (i32.const 0))
  (func $targets (local $i i32) (local $at i32) (local $text i32) (local $left i32) (local $digit i32)
    (if (i32.eq (memory.size) (i32.const 1)) (then (drop (memory.grow (i32.const 5)))))
    (loop $next
      (local.set $at (i32.add (i32.const 65536) (i32.mul (local.get $i) (i32.const 24))))
      (local.set $text (i32.add (i32.const 305536) (i32.mul (local.get $i) (i32.const 5))))
      (i32.store (local.get $at) (i32.const 512)) (i32.store offset=4 (local.get $at) (i32.const 1))
      (i32.store offset=8 (local.get $at) (local.get $text)) (i32.store offset=12 (local.get $at) (i32.const 5))
      (i32.store offset=16 (local.get $at) (i32.const 513)) (i32.store offset=20 (local.get $at) (i32.const 1))
      (local.set $left (local.get $i)) (local.set $digit (i32.const 4))
      (loop $digits
        (i32.store8 (i32.add (local.get $text) (local.get $digit)) (i32.add (i32.const 48) (i32.rem_u (local.get $left) (i32.const 10))))
        (local.set $left (i32.div_u (local.get $left) (i32.const 10)))
        (local.set $digit (i32.sub (local.get $digit) (i32.const 1)))
        (br_if $digits (i32.ge_s (local.get $digit) (i32.const 0))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const ${targets})))))`;

const handleMessage = (targets: number): string => `
  (local $p i32) (local $len i32) (local $n i32) (local $verb i32)
  (local.set $p (i32.load offset=24 (local.get $msg)))
  (local.set $len (i32.load offset=28 (local.get $msg)))
  (local.set $verb (i32.load8_u (local.get $p)))
  (local.set $n (i32.load8_u offset=1 (local.get $p)))
  (i64.store (i32.const 256) (i64.const 0))
  ${on('echo', answer(REST_AT, REST_LENGTH))}
  ${on('send', `(call $send ${TARGET} ${REST} (i32.const 256)) ${ANSWER_OUTCOME}`)}
  ${on('request', `(call $request ${TARGET} ${REST} (i32.const 60000) (i32.const 256)) ${ANSWER_OUTCOME}`)}
  ${on('request, then trap', `(call $request ${TARGET} ${REST} (i32.const 60000) (i32.const 256)) unreachable`)}
  ${on('bounce', `(call $send ${SENDER} (local.get $p) (local.get $len) (i32.const 256)) ${ANSWER_OUTCOME}`)}
  ${on(
    'broadcast',
    `(call $targets) (call $broadcast (i32.const 65536) (i32.const ${targets}) ${REST} (i32.const 256))
    ${answer('(i32.const 256)', '(i32.const 12)')}`,
  )}
  ${on('last', answer('(i32.const 768)', '(i32.add (i32.const 8) (global.get $kept))'))}
  unreachable`;

/** Keeps the count, whether there was a failure and its case, and up to 64 bytes of the answer. */
const HANDLE_CALLBACK = `
  (global.set $callbacks (i32.add (global.get $callbacks) (i32.const 1)))
  (i32.store (i32.const 768) (global.get $callbacks))
  (i32.store8 (i32.const 772) (i32.load8_u offset=128 (local.get $msg)))
  (i32.store8 (i32.const 773) (i32.load8_u offset=132 (local.get $msg)))
  (global.set $kept (i32.load offset=28 (local.get $msg)))
  (if (i32.gt_u (global.get $kept) (i32.const 64)) (then (global.set $kept (i32.const 64))))
  (memory.copy (i32.const 776) (i32.load offset=24 (local.get $msg)) (global.get $kept))
  (i32.store8 (i32.const 64) (i32.const 0)) (i32.const 64)`;

/** @param targets how many a broadcast has, at most 10,000 */
export function puppet(targets = 1): Promise<Uint8Array> {
  return actor({
    fields: fields(targets),
    handleMessage: handleMessage(targets),
    handleCallback: HANDLE_CALLBACK,
    realloc: BUMP,
  });
}
