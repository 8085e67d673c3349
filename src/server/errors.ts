import { VivariumError } from '#core/errors';

export type ServerErrorCode =
  | 'SERVER_INVALID_ROUTE'
  | 'SERVER_INVALID_CONFIG'
  | 'SERVER_CANNOT_LISTEN'
  | 'SERVER_MISSING_PEER';

/** The errors that a server can have before its first request. */
export class ServerError extends VivariumError<ServerErrorCode> {}
