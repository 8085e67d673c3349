import type { InputStream, OutputStream } from 'wasi:io/streams@0.2.1';
import { decodeUtf8 } from '../utf8.ts';
import { ready } from './arrivals.ts';
import type { AbortSignal } from './events.ts';

const MAX_READ = 64 * 1024;

/** Reads a body to its end. Rejects if it breaks off, or with the signal's reason. */
export async function readAll(stream: InputStream, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    await ready(stream.subscribe(), signal);
    let part: Uint8Array;
    try {
      part = stream.read(MAX_READ);
    } catch (thrown) {
      if (payloadOf(thrown)?.tag === 'closed') break;
      throw new TypeError('the body broke off', { cause: thrown });
    }
    parts.push(part);
    length += part.length;
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Reads a header's value, which may be no UTF-8. */
export function latin1(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch {
    return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
  }
}

/** Writes a body as fast as the host takes it, and drops the stream. */
export function writeAll(stream: OutputStream, bytes: Uint8Array): void {
  try {
    for (let at = 0; at < bytes.length; ) {
      const room = Math.min(Number(stream.checkWrite()), bytes.length - at);
      if (room === 0) stream.blockingFlush();
      else stream.write(bytes.subarray(at, at + room));
      at += room;
    }
    stream.blockingFlush();
  } finally {
    stream[Symbol.dispose]();
  }
}

/** The error case of a host call's result; undefined if the call failed otherwise. */
export function payloadOf(thrown: unknown): { readonly tag?: string } | undefined {
  return (thrown as { payload?: { tag?: string } } | undefined)?.payload;
}
