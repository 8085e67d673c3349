import { VivariumError } from '#core/errors';

export type SupervisionErrorCode = 'SUPERVISION_INTENSITY' | 'SUPERVISION_UNHEALTHY' | 'SUPERVISION_INVALID';

/** What supervision itself goes wrong with; failures of actors keep their own codes. */
export class SupervisionError extends VivariumError<SupervisionErrorCode> {}
