import type { ComponentHandle } from '#core';
import { allow, checkOptions } from '#core/options';
import { type Codec, type CodecName, codecs } from './codecs.ts';

/** The operations of an actor: a function for each, with at most one argument. */
export type Protocol<P> = {
  // biome-ignore lint/suspicious/noExplicitAny: the protocol declares a different argument type for each operation
  readonly [K in keyof P]: (...args: any[]) => unknown;
};

/** A message of a protocol: one operation with its argument, as `{ add: 3 }`, or with `null` when it takes none. */
export type CallOf<P> = {
  readonly [K in keyof P]: {
    readonly [O in K]: P[K] extends (argument: infer A, ...rest: never) => unknown ? A : null;
  };
}[keyof P];

/** The answer type of a call's operation. */
export type AnswerOf<P, C> = {
  readonly [K in keyof P]: K extends keyof C ? (P[K] extends (...args: never) => infer R ? Awaited<R> : never) : never;
}[keyof P];

const CODEC = allow.oneOf(...Object.keys(codecs));

/**
 * A handle with a type for what its actor understands, and the codec of its messages. The embedder vouches for the
 * type.
 */
export class ActorRef<P extends Protocol<P>> {
  readonly handle: ComponentHandle;
  readonly codec: Codec;
  /** Exists only for the type checker. */
  declare readonly protocol: P;

  /** @throws {CoreError} `CORE_INVALID_OPTION` */
  constructor(handle: ComponentHandle, codec: CodecName = 'json') {
    checkOptions(codec, CODEC, 'codec');
    this.handle = handle;
    this.codec = codecs[codec];
  }
}
