import { VivariumError } from '#core/errors';

export type CliErrorCode = 'CLI_USAGE';

/** The error of a command line that is wrong as written. */
export class CliError extends VivariumError<CliErrorCode> {}
