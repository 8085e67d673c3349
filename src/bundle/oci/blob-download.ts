import { BundleError } from '../errors.ts';
import { discard } from './bounded-body.ts';
import { type HttpResponse, unreachable } from './http-client.ts';
import { mismatch } from './registry-error.ts';
import { MAX_CUTS, type RegistrySession } from './registry-session.ts';
import { TransientError } from './retry.ts';

/**
 * Downloads exactly `size` bytes of a blob; the reader checks their digest. After a broken connection it continues from
 * the same position, with `Range` if the registry supports it.
 *
 * @throws {BundleError} `BUNDLE_CHUNK_MISSING`, `BUNDLE_DIGEST_MISMATCH`, `BUNDLE_UNREACHABLE` and as
 * `RegistrySession.send`
 */
export async function* downloadBlob(
  session: RegistrySession,
  digest: string,
  size: number,
): AsyncGenerator<Uint8Array> {
  let received = 0;
  for (let cuts = 0; ; ) {
    const { response, from } = await openBlob(session, digest, received, size);
    let at = from;
    try {
      for await (const piece of response.body as AsyncIterable<Buffer>) {
        const fresh = piece.subarray(Math.max(0, received - at));
        at += piece.length;
        if (at > size) throw mismatch(digest, `has more than the ${size} bytes that its manifest says`);
        if (fresh.length === 0) continue;
        received += fresh.length;
        yield fresh;
      }
      if (received === size) return;
      // An answer that ended in order but too early is the registry's mistake, not the connection's.
      const promised = response.headers['content-length'];
      if (promised === undefined || Number(promised) !== size - from) {
        throw mismatch(digest, `has ${received} bytes, its manifest says ${size}`);
      }
      throw unreachable(response.url, new Error('the answer was cut'));
    } catch (error) {
      response.body.destroy();
      if (error instanceof BundleError && !(error instanceof TransientError)) throw error;
      session.throwIfAborted();
      const transient = error instanceof TransientError ? error : unreachable(response.url, error);
      if (++cuts === MAX_CUTS) throw session.redacted(transient);
      await session.pause(cuts, transient);
    } finally {
      // This also runs when the reader stops early.
      if (!response.body.readableEnded) response.body.destroy();
    }
  }
}

function openBlob(
  session: RegistrySession,
  digest: string,
  start: number,
  size: number,
): Promise<{ readonly response: HttpResponse; readonly from: number }> {
  return session.retrying(async () => {
    const headers: Record<string, string> = start === 0 ? {} : { range: `bytes=${start}-${size - 1}` };
    const response = await session.send({ method: 'GET', url: session.url(`blobs/${digest}`), headers });
    if (response.status === 404) {
      await discard(response.body);
      throw new BundleError('BUNDLE_CHUNK_MISSING', `the registry has no blob ${digest}; push the bundle again`, {
        details: { digest },
      });
    }
    if (response.status === 416 && start > 0) {
      // The server may know no more of the blob than the part that we have. Reading from the beginning will tell.
      await discard(response.body);
      const again = await session.send({ method: 'GET', url: session.url(`blobs/${digest}`) });
      await session.expect(again, [200], `reading the blob ${digest}`);
      return { response: again, from: 0 };
    }
    await session.expect(response, start === 0 ? [200] : [200, 206], `reading the blob ${digest}`);
    if (response.status === 200) return { response, from: 0 };
    if (!response.headers['content-range']?.startsWith(`bytes ${start}-`)) {
      response.body.destroy();
      throw mismatch(digest, 'came in another range than was asked for');
    }
    return { response, from: start };
  });
}
