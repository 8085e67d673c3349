import { ByteSource } from './byte-source.ts';
import { useStreams } from './messages.ts';
import { isDisturbed, ReadableStream } from './readable-stream.ts';

/** Reads a stream that a guest has made, which may have anything as chunks. */
class StreamBytes extends ByteSource {
  readonly #reader: ReturnType<ReadableStream['getReader']>;

  constructor(stream: ReadableStream) {
    super();
    this.#reader = stream.getReader();
  }

  async next(): Promise<Uint8Array | undefined> {
    const { done, value } = await this.#reader.read();
    if (done) return undefined;
    if (value instanceof Uint8Array) return value;
    const error = new TypeError('the stream of a body has a chunk that is no Uint8Array; encode text with TextEncoder');
    this.cancel(error);
    throw error;
  }

  cancel(reason?: unknown): void {
    this.#reader.cancel(reason).catch(() => {});
  }
}

/** Makes a stream that reads a body when somebody reads the stream, and not ahead. */
function streamOf(source: Uint8Array | ByteSource): ReadableStream {
  let whole = source instanceof ByteSource ? undefined : source;
  const next = async (): Promise<Uint8Array | undefined> => {
    if (source instanceof ByteSource) return source.next();
    const part = whole;
    whole = undefined;
    return part;
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        let part = await next();
        // A guest's stream may have empty chunks, which are not its end.
        while (part?.length === 0) part = await next();
        if (part === undefined) controller.close();
        else controller.enqueue(part);
      },
      cancel(reason) {
        if (source instanceof ByteSource) source.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

useStreams({
  isStream: (value) => value instanceof ReadableStream,
  isUsed: (stream) => isDisturbed(stream as ReadableStream),
  bytesOf: (stream) => new StreamBytes(stream as ReadableStream),
  streamOf,
});
