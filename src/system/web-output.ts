import type { Writable } from 'node:stream';

/** A web stream as a stream of Node, and the end of its use. */
export interface WebOutput {
  readonly stream: Writable;
  /** Unlocks the web stream once it has what was written, so that its owner can write on, or use it for another component. */
  release(): void;
}

/**
 * Writes to a stream of the web without ending it. `Writable.fromWeb` never unlocks its stream, and its error ends the process when nobody
 * listens any more.
 * @param NodeWritable the class of `node:stream`, which is loaded late
 */
export function webOutput(target: WritableStream<Uint8Array>, NodeWritable: typeof Writable): WebOutput {
  const writer = target.getWriter();
  const unlock = (): void => writer.releaseLock();
  // A stream that fails while nothing is written fails the next write.
  writer.closed.catch(() => {});
  const stream = new NodeWritable({
    autoDestroy: false,
    write: (bytes: Uint8Array, _encoding, done) => {
      writer.write(bytes).then(() => done(), done);
    },
  });
  // Who writes is told by the callback. What fails after the component has ended concerns the stream's owner.
  stream.on('error', unlock);
  return {
    stream,
    release() {
      if (stream.writableLength === 0) unlock();
      else stream.end(unlock);
    },
  };
}
