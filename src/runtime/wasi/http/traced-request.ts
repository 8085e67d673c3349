import { messageOf } from '#core/errors';
import type { HttpRequest, HttpResponse } from '#core/ports/network';
import { isTraceField, type OpenSpan, withTraceOf } from '#core/ports/tracing';
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
  if (turn.isDropped === true) return turn.run(() => send(carrying(turn, request)));
  const { method = 'GET', url } = request;
  const span = turn.begin('client', method, {
    'http.request.method': method,
    'server.address': new URL(url).host.slice(0, MOST_OF_TEXT),
  });
  return span
    .run(() => send(carrying(span, request)))
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

function carrying<R extends HttpRequest>(span: OpenSpan, request: R): R {
  const { headers = [] } = request;
  const isOwn = headers.some(([name]) => isTraceField(name.toLowerCase()));
  return isOwn ? request : { ...request, headers: withTraceOf(span, headers) };
}
