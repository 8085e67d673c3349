import type { VivariumError } from '#core/errors';
import type { BytePipe, FieldPairs } from '#core/waiting';
import { type OpenSpan, withTraceOf } from './tracing.ts';

/** What a component answers to a request. */
export interface ServedAnswer {
  /** 200 to 599. */
  readonly status: number;
  readonly headers: FieldPairs;
  /** What comes of the body; undefined where it has none. Who does not want it cancels it. */
  readonly body: BytePipe | undefined;
}

/** An answer whose head and body go together: without headers of the connection, and without a body where the client reads none. */
export interface FramedAnswer extends ServedAnswer {
  /** The length that the head says, which is no header here; undefined for none. */
  readonly length: number | undefined;
}

/** One HTTP request that a component answers, as its host functions see it. */
export interface ServedRequest {
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  /** With its query. */
  readonly path: string;
  /** As they came; a component finds those of `headersFor`. */
  readonly headers: FieldPairs;
  /** The span of the request; undefined where nobody traces it. */
  readonly span?: OpenSpan | undefined;
  /** How many handlers have passed the request on; 0 where it came from a client. */
  readonly hops: number;
  /** The component reads the body: write it into the pipe, as fast as that takes it. Called once at most. */
  sendBody(into: BytePipe): void;
  /** The component answers, or says why it does not, by a case of `wasi:http/types.error-code`. Called once at most. */
  answer(answer: ServedAnswer | { readonly error: unknown }): void;
  /** The host gives the request up while its instance goes on: its bodies end where they are. */
  abandon(reason: VivariumError): void;
}

/**
 * The headers that a component finds: the request's, with the context of its span in place of the client's. Fields for that context are
 * made here, because many components read no headers.
 */
export function headersFor({ headers, span }: Pick<ServedRequest, 'headers' | 'span'>): FieldPairs {
  return span === undefined ? headers : withTraceOf(span, headers);
}
