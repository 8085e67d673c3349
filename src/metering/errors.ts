import { VivariumError } from '#core/errors';

export type MeteringErrorCode =
  | 'METERING_OUT_OF_FUEL'
  | 'METERING_DEADLINE'
  | 'METERING_STACK'
  | 'METERING_MEMORY'
  | 'METERING_INVALID_MODULE'
  | 'METERING_UNKNOWN_OPERATOR'
  | 'METERING_UNSUPPORTED'
  | 'METERING_RESERVED_NAME'
  | 'METERING_ALREADY_METERED'
  | 'METERING_NOT_METERED'
  | 'METERING_TOO_LARGE'
  | 'METERING_SPENT';

/** Reports a budget that is used up, or a module that cannot be metered. */
export class MeteringError extends VivariumError<MeteringErrorCode> {}
