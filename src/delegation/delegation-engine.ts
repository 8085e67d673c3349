import type { CallContext } from './call-context.ts';

/** Where a call is executed. */
export type ExecTarget =
  /** By the local component or function. */
  | { readonly kind: 'LocalPure' }
  /** By a model on this machine. */
  | { readonly kind: 'LocalModel'; readonly id: string }
  /** By a model on another machine. */
  | { readonly kind: 'RemoteModel'; readonly id: string }
  /** By a published component. */
  | L4CacheHit;

export interface L4CacheHit {
  readonly kind: 'L4CacheHit';
  readonly moduleId: string;
  readonly storagePointer: string;
  /** The publisher's DSSE envelope as JSON. It is checked again when the bytes are fetched. */
  readonly signature: string;
  readonly similarity: number;
}

/** Decides where calls are executed. */
export interface DelegationEngine {
  /** Decides, without a change that another decision could see. */
  decide(context: CallContext): Promise<ExecTarget>;
}
