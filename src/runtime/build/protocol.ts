import { isVivariumError, messageOf, VivariumError } from '#core/errors';
import type { Artifact } from '#core/ports/artifact';

/** What the parent sends: one component at a time. */
export interface BuildRequest {
  readonly component: Uint8Array;
  readonly meteringMode: Artifact['meteringMode'];
}

/** A typed error that crosses the process boundary; anything else arrives as its text. */
export interface WireError {
  readonly code: string | undefined;
  readonly message: string;
  readonly details: VivariumError['details'];
  readonly cause: WireError | undefined;
}

export type BuildAnswer = ({ readonly artifact: Artifact } | { readonly error: WireError }) & {
  /** Whether the child may be in no state to build anything else, and has to be replaced. */
  readonly spoiled: boolean;
};

export function toWire(thrown: unknown): WireError {
  const typed = isVivariumError(thrown);
  const cause = thrown instanceof Error && thrown.cause !== undefined ? toWire(thrown.cause) : undefined;
  return {
    code: typed ? thrown.code : undefined,
    message: messageOf(thrown),
    details: typed ? thrown.details : {},
    cause,
  };
}

export function fromWire({ code, message, details, cause }: WireError): Error {
  const options = cause === undefined ? {} : { cause: fromWire(cause) };
  return code === undefined ? new Error(message, options) : new VivariumError(code, message, { ...options, details });
}
