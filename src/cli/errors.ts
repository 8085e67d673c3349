import { VivariumError } from '#core/errors';

export type CliErrorCode = 'CLI_USAGE';

/** A command line that cannot be carried out as it is written. */
export class CliError extends VivariumError<CliErrorCode> {}
