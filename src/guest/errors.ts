import type { MessageFailureTag } from './types.ts';

/** The cases of WIT's `wasm-error`, with which a guest reports a failure. */
export type ActorErrorTag =
  | 'component-not-found'
  | 'invalid-component'
  | 'instantiation-failed'
  | 'runtime-error'
  | 'resource-limit'
  | 'timeout';

/** Throw this error from a handler to choose the case. Any other error becomes a `runtime-error`. */
export class ActorError extends Error {
  readonly tag: ActorErrorTag;

  constructor(tag: ActorErrorTag, message: string) {
    super(message);
    this.name = 'ActorError';
    this.tag = tag;
  }
}

/** The error of a host call that was refused, or of a request that got no reply. */
export class MessageError extends Error {
  readonly tag: MessageFailureTag;

  constructor(tag: MessageFailureTag, message: string) {
    super(message);
    this.name = 'MessageError';
    this.tag = tag;
  }
}

/** Runs a handler. Turns anything that it throws into the error case of its `result`, because an `Error` would become a trap. */
export function asResult<T>(run: () => T): T {
  try {
    return run();
  } catch (thrown) {
    const tag = thrown instanceof ActorError ? thrown.tag : 'runtime-error';
    throw { tag, val: textOf(thrown) };
  }
}

/** Returns the name, the message and the stack. The host removes the stack before anybody else sees the text. */
function textOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const head = `${thrown.name}: ${thrown.message}`;
  if (thrown instanceof ActorError) return head;
  const stack = thrown.stack ?? '';
  // In one engine the stack includes the message, in the other it does not.
  return (stack.startsWith(head) ? stack : `${head}\n${stack}`).trimEnd();
}

/** Runs a host call. The error case of its result is thrown as a record; one engine puts the record into an error's `payload`. */
export function fromHost<T>(call: () => T): T {
  try {
    return call();
  } catch (thrown) {
    const { tag, val } = (payloadOf(thrown) ?? thrown) as { tag?: MessageFailureTag; val?: unknown };
    if (tag === undefined) throw thrown;
    throw new MessageError(tag, String(val));
  }
}

function payloadOf(thrown: unknown): unknown {
  return typeof thrown === 'object' && thrown !== null && 'payload' in thrown ? thrown.payload : undefined;
}
