import type { Http2ServerResponse } from 'node:http2';
import type { Clock } from '#core/ports/clock';
import type { Outgoing } from './outgoing.ts';
import type { Incoming } from './request-head.ts';

/** Bytes a second that a body must have, or it is one that drips. Apache's mod_reqtimeout asks for as many by default. */
const LEAST_BYTES_A_SECOND = 500;

/**
 * Ends a request whose body neither ends nor moves. In each period it must end, or bring some bytes for each second; a period in which
 * the client had to wait because nobody reads does not count, since the turn that does not read has a time of its own.
 * @param late called once, at the end of a period in which too little came
 */
export function limitBodyTime(
  incoming: Incoming,
  outgoing: Outgoing,
  periodMs: number,
  clock: Pick<Clock, 'after'>,
  late: () => void,
): void {
  const least = (LEAST_BYTES_A_SECOND * periodMs) / 1_000;
  let bytes = 0;
  // A listener to bytes would begin to read them, so it comes with whoever does that first.
  incoming.once('resume', () => {
    incoming.on('data', (piece: Uint8Array) => {
      bytes += piece.length;
    });
  });
  let stopTimer = (): void => {};
  const begin = (): void => {
    stopTimer = clock.after(periodMs, () => {
      // A body that nobody reads has come whole without an event that says so.
      if (isWhole(incoming, outgoing) || outgoing.destroyed) return;
      if (bytes < least && !waitsForReader(incoming, outgoing)) {
        late();
        return;
      }
      bytes = 0;
      begin();
    });
  };
  begin();
  incoming.once('end', () => stopTimer());
  outgoing.once('close', () => stopTimer());
}

function isWhole(incoming: Incoming, outgoing: Outgoing): boolean {
  return isHttp2(outgoing) ? outgoing.stream.state.remoteClose === 1 : incoming.complete;
}

/** Whether the client can send no more before somebody reads: it has filled its window of HTTP/2, or the buffer that stops the connection. */
function waitsForReader(incoming: Incoming, outgoing: Outgoing): boolean {
  if (isHttp2(outgoing)) return (outgoing.stream.state.localWindowSize ?? 1) <= 0;
  return incoming.readableLength >= incoming.readableHighWaterMark;
}

function isHttp2(outgoing: Outgoing): outgoing is Http2ServerResponse {
  return 'stream' in outgoing;
}
