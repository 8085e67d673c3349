import { type ErrorKind, VivariumError } from '#core/errors';

const KINDS = {
  METERING_OUT_OF_FUEL: 'failed',
  METERING_DEADLINE: 'failed',
  METERING_STACK: 'failed',
  METERING_MEMORY: 'failed',
  METERING_INVALID_MODULE: 'refused',
  METERING_UNKNOWN_OPERATOR: 'refused',
  METERING_UNSUPPORTED: 'refused',
  METERING_RESERVED_NAME: 'refused',
  METERING_ALREADY_METERED: 'refused',
  METERING_NOT_METERED: 'refused',
  METERING_TOO_LARGE: 'refused',
  METERING_SPENT: 'refused',
} as const satisfies Record<string, ErrorKind>;

export type MeteringErrorCode = keyof typeof KINDS;

/** Reports a budget that is used up, or a module that cannot be metered. */
export class MeteringError extends VivariumError<MeteringErrorCode> {
  static override readonly kinds: Readonly<Record<string, ErrorKind>> = KINDS;
}
