import { VivariumError } from '#core/errors';

export type SupervisionErrorCode = 'SUPERVISION_INTENSITY' | 'SUPERVISION_UNHEALTHY' | 'SUPERVISION_INVALID';

/** Reports errors of supervision itself. Failures of actors keep their own codes. */
export class SupervisionError extends VivariumError<SupervisionErrorCode> {}
