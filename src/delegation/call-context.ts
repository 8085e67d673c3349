import { createHash } from 'node:crypto';
import { DelegationError } from './errors.ts';

/** What is known of a call before anybody decides where it is executed. */
export interface CallContext {
  /** The function, as the program calls it. */
  readonly fnSymbol: string;
  /** Stands for the types of the arguments. */
  readonly argTypeFingerprint: string;
  /** Interface hash that a component must have to answer. */
  readonly interfaceHash: string;
  /** Stands for whatever else a decision may depend on: tenant, configuration, features. */
  readonly runtimeContextHash: string;
  /** The meaning of the task as a vector. Without it the registry is not asked. */
  readonly semanticHash?: Float32Array | undefined;
  /** For those who carry the call out; no decision depends on it. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** The part of a context that a static decision may depend on, and that its memo is kept under. */
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
      `the context's ${field} is no text; the caller must give it`,
    );
  }
}

/** The text that stands for a decision. Lengths go first, so that no two contexts have the same. */
export function decisionKey(context: DecisionContext): string {
  const { fnSymbol, argTypeFingerprint, interfaceHash, runtimeContextHash } = context;
  return `${fnSymbol.length}:${argTypeFingerprint.length}:${interfaceHash.length}:${fnSymbol}${argTypeFingerprint}${interfaceHash}${runtimeContextHash}`;
}

/** SHA-256, in hex, over all of the context that says what was asked; its metadata does not. */
export function requestHash(context: CallContext): string {
  const hash = createHash('sha256').update(decisionKey(context));
  const { semanticHash } = context;
  if (semanticHash !== undefined) {
    hash.update('\0').update(new Uint8Array(semanticHash.buffer, semanticHash.byteOffset, semanticHash.byteLength));
  }
  return hash.digest('hex');
}
