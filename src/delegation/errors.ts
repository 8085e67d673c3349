import { VivariumError } from '#core/errors';

export type DelegationErrorCode =
  | 'DELEGATION_GENERATION_FAILED'
  | 'DELEGATION_INVALID_CONTEXT'
  | 'DELEGATION_INVALID_REPLY'
  | 'DELEGATION_INVALID_URL'
  | 'DELEGATION_MISSING_PEER'
  | 'DELEGATION_MODEL_REFUSED'
  | 'DELEGATION_MODEL_UNAVAILABLE'
  | 'DELEGATION_NO_EXECUTOR'
  | 'DELEGATION_STALE_DECISION';

/** Reports a call that cannot be decided or executed, or a model that does not answer. */
export class DelegationError extends VivariumError<DelegationErrorCode> {}
