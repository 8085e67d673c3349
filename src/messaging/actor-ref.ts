import type { ComponentHandle } from '#core';
import { allow, checkOptions } from '#core/options';
import { type Codec, type CodecName, codecs } from './codecs.ts';

/** What an actor understands: a function for each operation, with one argument at most. */
export type Protocol<P> = {
  // biome-ignore lint/suspicious/noExplicitAny: each operation has an argument type of its own, as the protocol declares
  readonly [K in keyof P]: (...args: any[]) => unknown;
};

/** A message of a protocol: one operation with its argument, `{ add: 3 }`; `null` where it takes none. */
export type CallOf<P> = {
  readonly [K in keyof P]: {
    readonly [O in K]: P[K] extends (argument: infer A, ...rest: never) => unknown ? A : null;
  };
}[keyof P];

/** What the operation of a call answers. */
export type AnswerOf<P, C> = {
  readonly [K in keyof P]: K extends keyof C ? (P[K] extends (...args: never) => infer R ? Awaited<R> : never) : never;
}[keyof P];

const CODEC = allow.oneOf(...Object.keys(codecs));

/** A handle that knows what its actor understands, and how that travels. Types are the embedder's word for it. */
export class ActorRef<P extends Protocol<P>> {
  readonly handle: ComponentHandle;
  readonly codec: Codec;
  /** Carries the type; there is nothing at run time. */
  declare readonly protocol: P;

  /** @throws {CoreError} `CORE_INVALID_OPTION` */
  constructor(handle: ComponentHandle, codec: CodecName = 'json') {
    checkOptions(codec, CODEC, 'codec');
    this.handle = handle;
    this.codec = codecs[codec];
  }
}
