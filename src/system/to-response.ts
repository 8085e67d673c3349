import { isVivariumError, messageOf } from '#core/errors';
import type { FieldPairs } from '#core/waiting';

/** The statuses of errors of an overloaded or absent component (503), of a slow one (504), and of middleware in a circle (508). */
const STATUSES: Readonly<Record<string, number>> = {
  MESSAGING_QUEUE_FULL: 503,
  RUNTIME_CLOSED: 503,
  RUNTIME_WRONG_STATE: 503,
  RUNTIME_NOT_FOUND: 503,
  RUNTIME_ABORTED: 503,
  RUNTIME_INSTANCE_ENDED: 503,
  RUNTIME_TURN_TIMEOUT: 504,
  METERING_DEADLINE: 504,
  RUNTIME_LOOP_DETECTED: 508,
};

const TITLES: Readonly<Record<number, string>> = {
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  508: 'Loop Detected',
};

export interface ToResponseOptions {
  /** Whether the response contains the error's message, which may contain text from the component. */
  readonly expose?: boolean;
}

/** What a client is told of a failed request, in the form of RFC 9457. */
export interface Problem {
  readonly status: number;
  readonly headers: FieldPairs;
  /** JSON. */
  readonly text: string;
}

/** Says of an error's code what `toResponse` says of the error. @param detail what else the client is told */
export function problemOf(code: string | undefined, detail?: string): Problem {
  const status = code === undefined ? 500 : (STATUSES[code] ?? 502);
  const text = JSON.stringify({ type: 'about:blank', title: TITLES[status], status, code, detail });
  const type = ['content-type', 'application/problem+json'] as const;
  return { status, headers: status === 503 ? [type, ['retry-after', '1']] : [type], text };
}

/**
 * Makes the response to a client whose request `runtime.fetch` rejected: 503 with `retry-after` if the component is overloaded or
 * absent, 504 if it took too long, 508 if middleware passed it on in a circle, 502 for another error of the component, and 500 for any other error.
 */
export function toResponse(error: unknown, { expose = false }: ToResponseOptions = {}): Response {
  const code = isVivariumError(error) ? error.code : undefined;
  const { status, headers, text } = problemOf(code, expose ? messageOf(error) : undefined);
  return new Response(text, { status, headers: headers.map(([name, value]): [string, string] => [name, value]) });
}
