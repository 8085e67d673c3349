import { isVivariumError } from '#core/errors';
import type { ComponentNetwork, HttpLimits, HttpRequest, HttpResponse } from '#core/ports/network';
import { BytePipe, PIPE_BYTES } from '#core/waiting';
import { pour, streamOf } from './fetch-bodies.ts';
import { atHop } from './hops.ts';
import { problemOf, toResponse } from './to-response.ts';

/** Answers the requests that a component passes on: a function of the embedder, for example `(request) => runtime.fetch(service, request)`. */
export type NextHandler = (request: Request) => Response | Promise<Response>;

/** Has a function of the embedder answer requests as a network would. */
export function nextHandler(next: NextHandler | undefined): Pick<ComponentNetwork, 'fetch'> | undefined {
  if (next === undefined) return undefined;
  return { fetch: (request, limits) => passOn(next, request, limits) };
}

/** Passes a request on over the objects of the web. Both bodies stream. */
async function passOn(next: NextHandler, wanted: HttpRequest, limits: HttpLimits = {}): Promise<HttpResponse> {
  const { signal } = limits;
  const request = requestOf(wanted, signal);
  const response = await atHop(wanted.hops ?? 1, () => answered(next, request));
  const { body } = response;
  const pipe = new BytePipe(limits.account);
  const stop = (): void => pipe.fail(signal?.reason);
  signal?.addEventListener('abort', stop, { once: true });
  const poured = body === null ? Promise.resolve(pipe.end()) : pour(body, pipe);
  const closed = poured.finally(() => signal?.removeEventListener('abort', stop));
  const { status, url } = response;
  return { status, url, headers: [...response.headers], body: pipe, closed };
}

/**
 * A component that has no room for a request, or that is gone, is an answer, as it is from a server: 503, which the middleware may pass
 * on with its `retry-after`. Any other failure is one of the request that is passed on.
 */
async function answered(next: NextHandler, request: Request): Promise<Response> {
  try {
    return await next(request);
  } catch (error) {
    const code = isVivariumError(error) ? error.code : undefined;
    if (request.signal.aborted || problemOf(code).status !== 503) throw error;
    // Nobody reads the body, so that the guest need not go on to write it.
    request.body?.cancel().catch(() => {});
    return toResponse(error);
  }
}

function requestOf({ method = 'GET', url, headers = [], body }: HttpRequest, signal: AbortSignal | undefined): Request {
  const own = new Headers();
  for (const [name, value] of headers) own.append(name, value);
  const init: RequestInit = { method, headers: own, redirect: 'manual', signal: signal ?? null };
  if (body === undefined) return new Request(url, init);
  const stream = streamOf(
    body,
    () => piece(body),
    () => body.cancel(),
  );
  // A body that streams must say so, which the types of the language's library do not know.
  const streaming: RequestInit & { readonly duplex: 'half' } = { ...init, body: stream, duplex: 'half' };
  return new Request(url, streaming);
}

function piece(body: BytePipe): Uint8Array | undefined {
  try {
    return body.read(PIPE_BYTES);
  } catch (failure) {
    // A guest that fails its body gives a case of `error-code`, which is no `Error`.
    throw failure instanceof Error ? failure : new Error('the component did not finish the body of its request');
  }
}
