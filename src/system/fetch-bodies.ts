import { LengthCheck } from '#core/ports/content-length';
import { type BytePipe, type FieldPairs, PIPE_BYTES } from '#core/waiting';

/**
 * Writes a stream into a pipe as fast as the pipe's reader takes it. Never rejects: the pipe fails for a stream that cannot be read, such
 * as the body of a response that was read before.
 * @param trailers is called at the end of the stream
 * @param length of what its head says, which the stream must have; none by default, as for a body that was decoded on its way
 */
export async function pour(
  stream: ReadableStream<Uint8Array>,
  into: BytePipe,
  trailers: () => FieldPairs | Promise<FieldPairs> = () => [],
  length: LengthCheck = new LengthCheck(undefined),
): Promise<void> {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  const cancel = (): void => void reader?.cancel().catch(() => {});
  const stop = into.changed.add(() => {
    if (into.cancelled) cancel();
  });
  try {
    reader = stream.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        length.take(undefined);
        return into.end(await trailers());
      }
      // Anything else would be sent in part, or not at all, in silence.
      if (!(value instanceof Uint8Array)) throw new TypeError('a stream of bytes gave a value that is no Uint8Array');
      length.take(value);
      for (let at = 0; at < value.length; at += PIPE_BYTES) {
        if (!into.write(value.subarray(at, at + PIPE_BYTES)))
          throw new Error('the component has no room for the body of its request');
        while (into.room === 0) await into.changed.next();
      }
    }
  } catch (error) {
    into.fail(error);
    cancel();
  } finally {
    stop();
  }
}

/**
 * Makes a stream that reads from the pipe only when its own reader asks for more.
 * @param read reads a piece from the pipe
 * @param cancelled called when that reader cancels
 * @param ended called before the stream ends
 */
export function streamOf(
  pipe: BytePipe,
  read: () => Uint8Array | undefined,
  cancelled: () => void,
  ended: () => void = () => {},
): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        for (;;) {
          const piece = read();
          if (piece === undefined) {
            ended();
            return controller.close();
          }
          if (piece.length > 0) return controller.enqueue(piece);
          await pipe.changed.next();
        }
      },
      cancel() {
        pipe.cancel();
        cancelled();
      },
    },
    { highWaterMark: 0 },
  );
}
