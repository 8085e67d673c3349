import type { Readable } from 'node:stream';
import { BundleError } from '../errors.ts';
import { unreachable } from './http-client.ts';

/**
 * A body as a whole. A server may send without end: more than `limit` bytes are not taken.
 * @throws {BundleError} `BUNDLE_TOO_LARGE`, `BUNDLE_UNREACHABLE` (transient)
 */
export async function readBody(body: Readable, limit: number, url: URL): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of body as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes > limit) {
        throw new BundleError('BUNDLE_TOO_LARGE', `${url.host} sends more than the ${limit} bytes that are expected`);
      }
      pieces.push(piece);
    }
  } catch (cause) {
    body.destroy();
    throw cause instanceof BundleError ? cause : unreachable(url, cause);
  }
  return Buffer.concat(pieces, bytes);
}

/** Reads what nobody needs, so that the connection can be used again; a long or endless one is cut instead. */
export async function discard(body: Readable, limit = 64 * 2 ** 10): Promise<void> {
  let bytes = 0;
  try {
    for await (const piece of body as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes > limit) break;
    }
  } catch {
    // A connection that breaks here breaks nothing.
  }
  body.destroy();
}
