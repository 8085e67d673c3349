import { type ErrorKind, VivariumError } from '#core/errors';

const KINDS = {
  SERVER_INVALID_ROUTE: 'usage',
  SERVER_INVALID_CONFIG: 'usage',
  SERVER_CANNOT_LISTEN: 'failed',
  SERVER_BODY_TOO_LARGE: 'refused',
  SERVER_MISSING_PEER: 'usage',
} as const satisfies Record<string, ErrorKind>;

export type ServerErrorCode = keyof typeof KINDS;

/** The errors of a server, of what it is configured with, and of requests that it refuses. */
export class ServerError extends VivariumError<ServerErrorCode> {
  static override readonly kinds: Readonly<Record<string, ErrorKind>> = KINDS;
}
