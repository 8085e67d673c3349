import { type ErrorKind, isVivariumError, messageOf, VivariumError } from '#core/errors';
import type { Artifact } from '#core/ports/artifact';

/** A request of the parent. It sends one at a time. */
export interface BuildRequest {
  readonly component: Uint8Array;
  readonly meteringMode: Artifact['meteringMode'];
  /** Whether the artifact needs glue even if the component can be called directly. */
  readonly alwaysGlue: boolean;
}

/** An error that crosses the process boundary. A typed error keeps its code, kind and details; any other arrives as its text. */
export interface WireError {
  readonly code: string | undefined;
  readonly kind: ErrorKind;
  readonly message: string;
  readonly details: VivariumError['details'];
  readonly cause: WireError | undefined;
}

export type BuildAnswer = ({ readonly artifact: Artifact } | { readonly error: WireError }) & {
  /** Whether the build may have left the child unable to build anything else, so that the parent must replace it. */
  readonly spoiled: boolean;
};

export function toWire(thrown: unknown): WireError {
  const typed = isVivariumError(thrown);
  const cause = thrown instanceof Error && thrown.cause !== undefined ? toWire(thrown.cause) : undefined;
  return {
    code: typed ? thrown.code : undefined,
    kind: typed ? thrown.kind : 'failed',
    message: messageOf(thrown),
    details: typed ? thrown.details : {},
    cause,
  };
}

export function fromWire({ code, kind, message, details, cause }: WireError): Error {
  const options = cause === undefined ? {} : { cause: fromWire(cause) };
  return code === undefined
    ? new Error(message, options)
    : new VivariumError(code, message, { ...options, details, kind });
}
