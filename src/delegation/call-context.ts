import { createHash } from 'node:crypto';
import { DelegationError } from './errors.ts';

/** What is known about a call before anybody decides where it is executed. */
export interface CallContext {
  /** The function's name in the program. */
  readonly fnSymbol: string;
  /** A fingerprint of the arguments' types. */
  readonly argTypeFingerprint: string;
  /** The interface hash that a component must have to answer. */
  readonly interfaceHash: string;
  /** A hash of everything else on which a decision may depend: tenant, configuration, features. */
  readonly runtimeContextHash: string;
  /** The meaning of the task as a vector. Without it the registry is not queried. */
  readonly semanticHash?: Float32Array | undefined;
  /** Data for whoever executes the call; no decision depends on it. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** The part of a context on which a static decision may depend, and by which it is memoised. */
export type DecisionContext = Pick<
  CallContext,
  'fnSymbol' | 'argTypeFingerprint' | 'interfaceHash' | 'runtimeContextHash'
>;

/** @throws {DelegationError} `DELEGATION_INVALID_CONTEXT` */
export function checkContext(context: CallContext): void {
  for (const field of ['fnSymbol', 'argTypeFingerprint', 'interfaceHash', 'runtimeContextHash'] as const) {
    if (typeof context[field] === 'string') continue;
    throw new DelegationError(
      'DELEGATION_INVALID_CONTEXT',
      `the context's ${field} is not a text; the caller must give it`,
    );
  }
}

/** Returns the key of a decision. Lengths come first, so that no two contexts have the same key. */
export function decisionKey(context: DecisionContext): string {
  const { fnSymbol, argTypeFingerprint, interfaceHash, runtimeContextHash } = context;
  return `${fnSymbol.length}:${argTypeFingerprint.length}:${interfaceHash.length}:${fnSymbol}${argTypeFingerprint}${interfaceHash}${runtimeContextHash}`;
}

/** Returns the SHA-256 in hex of the whole context except its metadata. */
export function requestHash(context: CallContext): string {
  const hash = createHash('sha256').update(decisionKey(context));
  const { semanticHash } = context;
  if (semanticHash !== undefined) {
    hash.update('\0').update(new Uint8Array(semanticHash.buffer, semanticHash.byteOffset, semanticHash.byteLength));
  }
  return hash.digest('hex');
}
