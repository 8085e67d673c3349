import type { Readable } from 'node:stream';
import { BundleError } from '../errors.ts';
import { unreachable } from './http-client.ts';

/**
 * Reads a whole body. A server may send without end, so more than `limit` bytes are refused.
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

/** Reads a body that nobody needs, so that the connection can be reused. A long or endless body is cut instead. */
export async function discard(body: Readable, limit = 64 * 2 ** 10): Promise<void> {
  let bytes = 0;
  try {
    for await (const piece of body as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes > limit) break;
    }
  } catch {
    // A broken connection does no harm here.
  }
  body.destroy();
}
