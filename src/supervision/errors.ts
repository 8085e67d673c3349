import { type ErrorKind, VivariumError } from '#core/errors';

const KINDS = {
  SUPERVISION_INTENSITY: 'failed',
  SUPERVISION_UNHEALTHY: 'failed',
  SUPERVISION_INVALID: 'usage',
} as const satisfies Record<string, ErrorKind>;

export type SupervisionErrorCode = keyof typeof KINDS;

/** Reports errors of supervision itself. Failures of actors keep their own codes. */
export class SupervisionError extends VivariumError<SupervisionErrorCode> {
  static override readonly kinds: Readonly<Record<string, ErrorKind>> = KINDS;
}
