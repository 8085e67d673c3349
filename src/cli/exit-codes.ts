import { type ErrorKind, isVivariumError } from '#core/errors';

/** The exit codes of `viv`, which `viv --help` and the README describe. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  refused: 4,
  unreachable: 5,
  unauthorised: 6,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const OF_KIND: Readonly<Record<ErrorKind, ExitCode>> = {
  usage: EXIT.usage,
  'not-found': EXIT.notFound,
  refused: EXIT.refused,
  failed: EXIT.failed,
  unreachable: EXIT.unreachable,
  unauthorised: EXIT.unauthorised,
  orderly: EXIT.failed,
};

/** Returns the exit code for any value that a command threw. */
export function exitCodeOf(error: unknown): ExitCode {
  return isVivariumError(error) ? OF_KIND[error.kind] : EXIT.failed;
}
