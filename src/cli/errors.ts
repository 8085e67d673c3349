import { type ErrorKind, VivariumError } from '#core/errors';

const KINDS = {
  CLI_USAGE: 'usage',
  CLI_FILE: 'usage',
} as const satisfies Record<string, ErrorKind>;

export type CliErrorCode = keyof typeof KINDS;

/** The error of a command line that is wrong as written, or that names a file which cannot be used. */
export class CliError extends VivariumError<CliErrorCode> {
  static override readonly kinds: Readonly<Record<string, ErrorKind>> = KINDS;
}
