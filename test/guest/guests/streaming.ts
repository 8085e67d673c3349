const BLOCK = 64 * 1024;
/** The types of the web that this repository is checked with do not have it. */
const { from } = ReadableStream as unknown as { from<T>(values: AsyncIterable<T> | Iterable<T>): ReadableStream<T> };

/** Blocks of zeros up to a size, made when they are asked for. */
function zeros(size: number): ReadableStream {
  let left = size;
  return new ReadableStream({
    pull(controller) {
      const length = Math.min(left, BLOCK);
      left -= length;
      if (length === 0) controller.close();
      else controller.enqueue(new Uint8Array(length));
    },
    cancel(reason) {
      console.log(`cancelled with ${left > 0 ? 'some left' : 'nothing left'}: ${reason}`);
    },
  });
}

async function* upperCase(text: ReadableStream): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder();
  for await (const chunk of text) yield new TextEncoder().encode(decoder.decode(chunk, { stream: true }).toUpperCase());
}

async function sizeOf(body: ReadableStream | null): Promise<number> {
  let size = 0;
  for await (const chunk of body ?? []) size += chunk.length;
  return size;
}

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const size = Number(searchParams.get('size'));
    const url = searchParams.get('url') ?? '';
    switch (pathname) {
      case '/count':
        return Response.json(await sizeOf(request.body));
      case '/zeros':
        return new Response(zeros(size));
      case '/echo':
        return new Response(request.body);
      case '/upper':
        return new Response(from(upperCase(request.body as ReadableStream)));
      case '/first': {
        for await (const chunk of request.body as ReadableStream) return Response.json(chunk.length > 0);
        return Response.json('empty');
      }
      case '/breaks':
        return new Response(
          from(
            (async function* () {
              yield new Uint8Array(10);
              throw new RangeError('half of it');
            })(),
          ),
        );
      case '/text':
        return new Response(from(['text']) as unknown as ReadableStream);
      case '/twice': {
        const copy = request.clone();
        return Response.json([await request.text(), await copy.text(), request.bodyUsed, copy.bodyUsed]);
      }
      case '/used': {
        const { body } = request;
        const before = request.bodyUsed;
        const reader = (body as ReadableStream).getReader();
        await reader.read();
        reader.releaseLock();
        const error = await request.text().catch(String);
        return Response.json([before, request.bodyUsed, error, new Response(null).body]);
      }
      case '/sends':
        return Response.json(await (await fetch(url, { method: 'POST', body: zeros(size) })).json());
      case '/passes':
        return fetch(url, { method: 'POST', body: request.body });
      case '/fails': {
        const body = new ReadableStream({
          pull(controller) {
            controller.error(new RangeError('no more to send'));
          },
        });
        return Response.json(await fetch(url, { method: 'POST', body }).catch(String));
      }
      case '/gives-up': {
        const { body } = await fetch(url);
        for await (const _ of body as ReadableStream) break;
        return Response.json('read enough');
      }
      case '/aborts': {
        const controller = new AbortController();
        const { body } = await fetch(url, { signal: controller.signal });
        const seen: unknown[] = [];
        try {
          for await (const chunk of body as ReadableStream) {
            seen.push(chunk.length > 0);
            controller.abort(new Error('enough'));
          }
        } catch (error) {
          seen.push(String(error));
        }
        return Response.json(seen);
      }
      default:
        return new Response(null, { status: 404 });
    }
  },
};
