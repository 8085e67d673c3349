import { isVivariumError, messageOf } from '#core/errors';

/** Statuses by what an error says of the component: it has too much to do, it takes too long, it is broken. */
const STATUSES: Readonly<Record<string, number>> = {
  MESSAGING_QUEUE_FULL: 503,
  RUNTIME_CLOSED: 503,
  RUNTIME_WRONG_STATE: 503,
  RUNTIME_NOT_FOUND: 503,
  RUNTIME_ABORTED: 503,
  RUNTIME_TURN_TIMEOUT: 504,
  METERING_DEADLINE: 504,
};

const TITLES: Readonly<Record<number, string>> = {
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

export interface ToResponseOptions {
  /** Whether the answer has the error's message, which may hold the component's own text. */
  readonly expose?: boolean;
}

/**
 * The answer to a client whose request `runtime.fetch` rejected: 503 with `retry-after` where the component has too much to do or is
 * not there, 504 where it took too long, 502 for what else a component does wrong, and 500 for any other error.
 */
export function toResponse(error: unknown, { expose = false }: ToResponseOptions = {}): Response {
  const code = isVivariumError(error) ? error.code : undefined;
  const status = code === undefined ? 500 : (STATUSES[code] ?? 502);
  const problem = {
    type: 'about:blank',
    title: TITLES[status],
    status,
    code,
    detail: expose ? messageOf(error) : undefined,
  };
  const headers = { 'content-type': 'application/problem+json', ...(status === 503 ? { 'retry-after': '1' } : {}) };
  return new Response(JSON.stringify(problem), { status, headers });
}
