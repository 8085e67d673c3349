import type { Socket } from 'node:net';

const CONTINUE = Buffer.from('HTTP/1.1 100');
/** What may follow the status: its reason, or the end of the line. */
const SPACE = 0x20;
const RETURN = 0x0d;
const END_OF_HEAD = Buffer.from('\r\n\r\n');

/** As many bytes as Node permits a head to have. */
const MOST_HEAD_BYTES = 16 * 1024;

/**
 * Drops each `100 Continue` that comes before an answer. Every client must accept them, asked for or not (RFC 9110, section
 * 15.2.1), while undici's parser takes the connection for broken.
 * @param isAwaited whether the head of an answer has not come yet
 * @param onDropped called for each that is dropped
 */
export function dropContinue(socket: Socket, isAwaited: () => boolean, onDropped: () => void): void {
  const read = socket.read.bind(socket);
  let held: Buffer | undefined;
  const readRest = (size?: number): Buffer | null => {
    // Node reads zero bytes to fill its buffer.
    if (size === 0) return read(0);
    for (let chunk: Buffer | null = read(size); ; chunk = read(size)) {
      if (chunk === null || !isAwaited()) return chunk;
      let rest: Buffer = held === undefined ? chunk : Buffer.concat([held, chunk]);
      held = undefined;
      for (let end = headOf(rest); end !== undefined; end = headOf(rest)) {
        if (end === 'unknown') {
          held = rest;
          break;
        }
        rest = rest.subarray(end);
        onDropped();
      }
      if (held === undefined && rest.length > 0) return rest;
    }
  };
  socket.read = readRest;
}

/** Where a `100 Continue` at the beginning of the bytes ends; undefined if there is none, `unknown` if more bytes must tell. */
function headOf(bytes: Buffer): number | 'unknown' | undefined {
  const known = Math.min(bytes.length, CONTINUE.length);
  if (known === 0 || bytes.compare(CONTINUE, 0, known, 0, known) !== 0) return undefined;
  const next = bytes[CONTINUE.length];
  if (next !== undefined && next !== SPACE && next !== RETURN) return undefined;
  const end = bytes.indexOf(END_OF_HEAD);
  if (end >= 0) return end + END_OF_HEAD.length;
  return bytes.length > MOST_HEAD_BYTES ? undefined : 'unknown';
}
