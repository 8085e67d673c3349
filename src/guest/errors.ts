import type { MessageFailureTag } from './types.ts';

/** The cases of WIT's `wasm-error`: how a guest says that it failed. */
export type ActorErrorTag =
  | 'component-not-found'
  | 'invalid-component'
  | 'instantiation-failed'
  | 'runtime-error'
  | 'resource-limit'
  | 'timeout';

/** Throw it from a handler to choose the case; any other error is a `runtime-error`. */
export class ActorError extends Error {
  readonly tag: ActorErrorTag;

  constructor(tag: ActorErrorTag, message: string) {
    super(message);
    this.name = 'ActorError';
    this.tag = tag;
  }
}

/** A host call that was refused, or a request that has no answer. */
export class MessageError extends Error {
  readonly tag: MessageFailureTag;

  constructor(tag: MessageFailureTag, message: string) {
    super(message);
    this.name = 'MessageError';
    this.tag = tag;
  }
}

/** Runs a handler. What it throws becomes the error case of its `result`; an `Error` thrown there would be a trap. */
export function asResult<T>(run: () => T): T {
  try {
    return run();
  } catch (thrown) {
    const tag = thrown instanceof ActorError ? thrown.tag : 'runtime-error';
    throw { tag, val: textOf(thrown) };
  }
}

/** Name, message and stack, which the host takes off before anybody else sees the text. */
function textOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const head = `${thrown.name}: ${thrown.message}`;
  if (thrown instanceof ActorError) return head;
  const stack = thrown.stack ?? '';
  // One engine has the message in it, the other has not.
  return (stack.startsWith(head) ? stack : `${head}\n${stack}`).trimEnd();
}

/** Runs a host call. Its error case arrives as a record, in one engine inside an error's `payload`. */
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
