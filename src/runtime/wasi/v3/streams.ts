import { type GuestStream, type HostState, HostStream, type StreamSink, type StreamSource } from '#runtime/host';
import { HostCharge } from '../host-charge.ts';

/** V8 keeps about this many bytes for a stream that is under way: its parts, a promise, and closures. */
const STREAM_BYTES = 1_024;

/** `result<_, error-code>`, as the futures beside streams hold it. */
export type StreamResult =
  | { readonly tag: 'ok'; readonly val: undefined }
  | { readonly tag: 'err'; readonly val: unknown };

const OK: StreamResult = { tag: 'ok', val: undefined };

/**
 * Answers what `read-via-stream` and its like answer: a stream, and a future that says how it ended. The store is charged for it until
 * it has ended.
 */
export function outgoing(caller: HostState, source: StreamSource): [HostStream, Promise<StreamResult>] {
  const charge = new HostCharge(caller, STREAM_BYTES);
  const { promise, resolve } = Promise.withResolvers<StreamResult>();
  const stream = new HostStream(source, (failure) => {
    charge.end();
    resolve(resultOf(failure));
  });
  return [stream, promise];
}

/** Answers what `write-via-stream` and its like answer: a future that says how the guest's stream ended. The same is charged. */
export function incoming(caller: HostState, stream: GuestStream, sink: StreamSink): Promise<StreamResult> {
  const charge = new HostCharge(caller, STREAM_BYTES);
  return stream.pump(sink).then((failure) => {
    charge.end();
    return resultOf(failure);
  });
}

/** Refuses a guest's stream. */
export function refused(stream: GuestStream, failure: unknown): Promise<StreamResult> {
  stream.drop();
  return Promise.resolve(resultOf(failure));
}

/** A stream that ended before it began, because of a failure. */
export function broken(failure: unknown): [readonly [], Promise<StreamResult>] {
  return [[], Promise.resolve(resultOf(failure))];
}

function resultOf(failure: unknown): StreamResult {
  return failure === undefined ? OK : { tag: 'err', val: failure };
}

/** A sink that keeps what it is given longer than a call, so that it needs a copy of the guest's memory. */
export function keeping(sink: StreamSink): StreamSink {
  return {
    ready: () => sink.ready(),
    whenReady: (wake) => sink.whenReady(wake),
    room: () => sink.room(),
    write: (values) => sink.write(values.slice()),
    flush: () => sink.flush?.(),
    close: () => sink.close?.(),
  };
}
