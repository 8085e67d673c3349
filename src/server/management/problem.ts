import { isVivariumError, messageOf } from '#core/errors';
import { printable } from '#core/text';

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/** The statuses of error codes. The prefix decides for a code that is not listed. */
const STATUSES: Readonly<Record<string, number>> = {
  RUNTIME_NOT_FOUND: 404,
  RUNTIME_WRONG_STATE: 409,
  RUNTIME_CLOSED: 503,
  RUNTIME_ABORTED: 503,
  RUNTIME_INVALID_ARGUMENT: 400,
  RUNTIME_NO_EXPORT: 404,
  RUNTIME_INVALID_COMPONENT: 422,
  RUNTIME_MISSING_IMPORT: 422,
  RUNTIME_MISSING_EXPORT: 422,
  RUNTIME_INSTANTIATION_FAILED: 422,
  RUNTIME_FETCH_FAILED: 502,
  RUNTIME_TURN_TIMEOUT: 504,
  METERING_DEADLINE: 504,
  MESSAGING_QUEUE_FULL: 503,
  MESSAGING_TIMEOUT: 504,
  MESSAGING_TARGET_NOT_FOUND: 404,
  MESSAGING_INVALID: 400,
  SECURITY_INVALID_GRANT: 400,
};
const BY_PREFIX: Readonly<Record<string, number>> = {
  CORE: 400,
  SECURITY: 403,
  CACHE: 422,
  REGISTRY: 422,
  WASM: 422,
  SUPERVISION: 400,
  STORAGE: 503,
  RUNTIME: 502,
  METERING: 502,
  MESSAGING: 502,
};
const MOST_OF_DETAIL = 2_048;

export interface ProblemOptions {
  readonly code?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Makes a response in the form of RFC 9457. */
export function problem(status: number, detail: string, { code, headers = {} }: ProblemOptions = {}): Response {
  const body = { type: 'about:blank', title: TITLES[status] ?? 'Error', status, code, detail };
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...(status === 503 ? { 'retry-after': '1' } : {}),
      ...headers,
    },
  });
}

/** Makes the response to a request that failed. Clients are operators, so that they see the message, made harmless and cut. */
export function problemOf(error: unknown): Response {
  if (!isVivariumError(error)) return problem(500, 'the host failed to answer');
  const [prefix = ''] = error.code.split('_', 1);
  const status = STATUSES[error.code] ?? BY_PREFIX[prefix] ?? 500;
  return problem(status, printable(messageOf(error).slice(0, MOST_OF_DETAIL)), { code: error.code });
}
