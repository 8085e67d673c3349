import { type ErrorKind, VivariumError } from '#core/errors';

const KINDS = {
  DELEGATION_GENERATION_FAILED: 'usage',
  DELEGATION_INVALID_CONTEXT: 'usage',
  DELEGATION_INVALID_REPLY: 'usage',
  DELEGATION_INVALID_URL: 'usage',
  DELEGATION_MISSING_PEER: 'usage',
  DELEGATION_MODEL_REFUSED: 'unauthorised',
  DELEGATION_MODEL_UNAVAILABLE: 'unreachable',
  DELEGATION_NO_EXECUTOR: 'usage',
  DELEGATION_STALE_DECISION: 'usage',
} as const satisfies Record<string, ErrorKind>;

export type DelegationErrorCode = keyof typeof KINDS;

/** Reports a call that cannot be decided or executed, or a model that does not answer. */
export class DelegationError extends VivariumError<DelegationErrorCode> {
  static override readonly kinds: Readonly<Record<string, ErrorKind>> = KINDS;
}
