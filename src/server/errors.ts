import { VivariumError } from '#core/errors';

export type ServerErrorCode = 'SERVER_INVALID_ROUTE' | 'SERVER_CANNOT_LISTEN';

/** What serving HTTP can go wrong with before the first request. */
export class ServerError extends VivariumError<ServerErrorCode> {}
