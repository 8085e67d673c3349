import { Readable } from 'node:stream';
import { streamRegular } from '#files';
import { discard } from './bounded-body.ts';
import type { Destination, HttpRequest } from './http-client.ts';
import { MAX_CUTS, type RegistrySession } from './registry-session.ts';
import { TransientError } from './retry.ts';

export type BlobContent = Uint8Array | { readonly file: string };

interface Blob {
  readonly digest: string;
  readonly size: number;
  readonly content: BlobContent;
}

/**
 * Sends a blob; `size` must be the size of the content. A blob of more than `pieceBytes` goes in pieces of the size
 * that the registry requires.
 */
export async function uploadBlob(
  session: RegistrySession,
  blob: Blob,
  { pieceBytes }: { readonly pieceBytes: number },
): Promise<void> {
  const what = `sending the blob ${blob.digest}`;
  const { size, content } = blob;
  await session.retrying(async () => {
    const opened = await session.send({
      method: 'POST',
      url: session.url('blobs/uploads/'),
      headers: { 'content-length': '0' },
    });
    await session.expect(opened, [202], what);
    await discard(opened.body);
    const upload = session.locationOf(opened);
    const piece = Math.max(pieceBytes, leastPiece(opened.headers['oci-chunk-min-length']));
    const whole = size <= piece;
    const last = whole ? upload : await sendPieces(session, upload, blob, piece, what);
    const response = await session.send({
      method: 'PUT',
      ...withDigest(last, blob.digest),
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(whole ? size : 0) },
      body: whole ? slice(content, 0, size) : new Uint8Array(0),
    });
    await session.expect(response, [200, 201, 204], what);
    await discard(response.body);
  });
}

async function sendPieces(
  session: RegistrySession,
  opened: Destination,
  { size, content }: Blob,
  piece: number,
  what: string,
): Promise<Destination> {
  let upload = opened;
  let sent = 0;
  for (let failures = 0; sent < size; ) {
    const end = Math.min(size, sent + piece);
    try {
      const response = await session.send({
        method: 'PATCH',
        ...upload,
        headers: {
          'content-type': 'application/octet-stream',
          'content-length': String(end - sent),
          'content-range': `${sent}-${end - 1}`,
        },
        body: slice(content, sent, end),
      });
      if (response.status === 416) {
        await discard(response.body);
        throw new TransientError(`${what}: the registry has received another part of it than expected`);
      }
      await session.expect(response, [202, 204], what);
      await discard(response.body);
      upload = session.locationOf(response, upload);
      sent = end;
    } catch (error) {
      if (!(error instanceof TransientError) || ++failures === MAX_CUTS) throw error;
      await session.pause(failures, error);
      const status = await session.send({ method: 'GET', ...upload });
      await session.expect(status, [204, 202], what);
      await discard(status.body);
      upload = session.locationOf(status, upload);
      sent = received(status.headers.range, size);
    }
  }
  return upload;
}

/** Adds the digest to an upload's URL. The registry's own query must stay unchanged. */
function withDigest({ url, target }: Destination, digest: string): Destination {
  const place = target ?? url.pathname + url.search;
  const joint = place.includes('?') ? (/[?&]$/.test(place) ? '' : '&') : '?';
  return { url, target: `${place}${joint}digest=${encodeURIComponent(digest)}` };
}

function slice(content: BlobContent, start: number, end: number): HttpRequest['body'] {
  if (content instanceof Uint8Array) return content.subarray(start, end);
  if (start === end) return new Uint8Array(0);
  return () => Readable.from(streamRegular(content.file, { links: 'refuse', start, end }));
}

/** Returns `OCI-Chunk-Min-Length` in bytes; an invalid header requires nothing. */
function leastPiece(header: string | undefined): number {
  return /^\d{1,15}$/.test(header ?? '') ? Number(header) : 0;
}

/** Returns how much of an upload a registry has, from its `Range: 0-<last>`; registries write `0-0` for nothing. */
function received(range: string | undefined, size: number): number {
  const last = /^(?:bytes=)?0-(\d{1,15})$/.exec(range ?? '')?.[1];
  if (last === undefined || last === '0') return 0;
  return Math.min(size, Number(last) + 1);
}
