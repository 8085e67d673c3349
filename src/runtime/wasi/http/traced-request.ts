import { messageOf } from '#core/errors';
import type { HttpRequest, HttpResponse } from '#core/ports/network';
import { TRACE_FIELDS, withTraceOf } from '#core/ports/tracing';
import type { HostState } from '#runtime/host';

const MOST_OF_TEXT = 256;

/**
 * Sends a guest's request within a span, whose context goes with it. A guest that set a context of its own keeps it: it may continue
 * another trace.
 */
export function sendTraced<R extends HttpRequest>(
  { span: turn }: HostState,
  request: R,
  send: (request: R) => Promise<HttpResponse>,
): Promise<HttpResponse> {
  if (turn === undefined) return send(request);
  const { method = 'GET', url, headers = [] } = request;
  const span = turn.begin('client', method, {
    'http.request.method': method,
    'server.address': new URL(url).host.slice(0, MOST_OF_TEXT),
  });
  const isOwn = headers.some(([name]) => TRACE_FIELDS.has(name.toLowerCase()));
  return span
    .run(() => send(isOwn ? request : { ...request, headers: withTraceOf(span, headers) }))
    .then(
      (response) => {
        span.end({ 'http.response.status_code': response.status });
        return response;
      },
      (error) => {
        span.end({}, messageOf(error).slice(0, MOST_OF_TEXT));
        throw error;
      },
    );
}
