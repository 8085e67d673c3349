import { isTraceField, type OpenSpan, type Tracer } from '#core/ports/tracing';
import type { FieldPairs } from '#core/waiting';
import type { RequestHead } from './request-head.ts';

/** How many characters of a client's text a span holds. */
const MOST_OF_TEXT = 1_024;
const NONE: FieldPairs = [];
const isTrace = ([name]: FieldPairs[number]): boolean => isTraceField(name);

/** Begins the span of a request, as a child of the one that the client's headers name. @param to the component or the route that answers */
export function beginRequest(
  tracer: Tracer,
  { method, scheme, host, pathname }: RequestHead,
  headers: FieldPairs,
  to: string,
): OpenSpan {
  const path = pathname.slice(0, MOST_OF_TEXT);
  const common = { 'http.request.method': method, 'url.scheme': scheme, 'url.path': path, 'server.address': host };
  const attributes = to.startsWith('/') ? { ...common, 'http.route': to } : { ...common, 'vivarium.component': to };
  const isRemote = headers.some(isTrace);
  const remote = isRemote ? headers.filter(isTrace) : NONE;
  return tracer.begin('server', `${method} ${to}`, attributes, remote);
}

/** @param status 0 if the client left before an answer began */
export function endRequest(span: OpenSpan, status: number): void {
  if (span.isDropped === true) return;
  const failure = status === 0 ? 'the client left' : status >= 500 ? 'the answer is an error' : undefined;
  span.end(status > 0 ? { 'http.response.status_code': status } : {}, failure);
}
