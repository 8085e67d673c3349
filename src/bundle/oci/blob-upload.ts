import { Readable } from 'node:stream';
import { streamRegular } from '#files';
import { discard } from './bounded-body.ts';
import type { HttpRequest } from './http-client.ts';
import { MAX_CUTS, type RegistrySession } from './registry-session.ts';
import { TransientError } from './retry.ts';

export type BlobContent = Uint8Array | { readonly file: string };

/** Sends a blob; `size` must be that of the content. More than `pieceBytes` go in pieces. */
export async function uploadBlob(
  session: RegistrySession,
  digest: string,
  { size, content, pieceBytes }: { readonly size: number; readonly content: BlobContent; readonly pieceBytes: number },
): Promise<void> {
  const what = `sending the blob ${digest}`;
  await session.retrying(async () => {
    const opened = await session.send({
      method: 'POST',
      url: session.url('blobs/uploads/'),
      headers: { 'content-length': '0' },
    });
    await session.expect(opened, [202], what);
    await discard(opened.body);
    let location = session.locationOf(opened);
    const whole = size <= pieceBytes;
    if (!whole) location = await sendPieces(session, location, { size, content, pieceBytes }, what);
    location.searchParams.set('digest', digest);
    const body = whole ? slice(content, 0, size) : new Uint8Array(0);
    const response = await session.send({
      method: 'PUT',
      url: location,
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(whole ? size : 0) },
      body,
    });
    await session.expect(response, [200, 201, 204], what);
    await discard(response.body);
  });
}

async function sendPieces(
  session: RegistrySession,
  opened: URL,
  { size, content, pieceBytes }: { readonly size: number; readonly content: BlobContent; readonly pieceBytes: number },
  what: string,
): Promise<URL> {
  let location = opened;
  let sent = 0;
  for (let failures = 0; sent < size; ) {
    const end = Math.min(size, sent + pieceBytes);
    try {
      const response = await session.send({
        method: 'PATCH',
        url: location,
        headers: {
          'content-type': 'application/octet-stream',
          'content-length': String(end - sent),
          'content-range': `${sent}-${end - 1}`,
        },
        body: slice(content, sent, end),
      });
      await session.expect(response, [202, 204], what);
      await discard(response.body);
      location = session.locationOf(response, location);
      sent = end;
    } catch (error) {
      if (!(error instanceof TransientError) || ++failures === MAX_CUTS) throw error;
      await session.pause(failures, error);
      const status = await session.send({ method: 'GET', url: location });
      await session.expect(status, [204, 202], what);
      await discard(status.body);
      location = session.locationOf(status, location);
      sent = received(status.headers.range, size);
    }
  }
  return location;
}

function slice(content: BlobContent, start: number, end: number): HttpRequest['body'] {
  if (content instanceof Uint8Array) return content.subarray(start, end);
  if (start === end) return new Uint8Array(0);
  return Readable.from(streamRegular(content.file, { links: 'refuse', start, end }));
}

/** How much of an upload a registry has, by its `Range: 0-<last>`. */
function received(range: string | undefined, size: number): number {
  const last = /^(?:bytes=)?0-(\d{1,15})$/.exec(range ?? '')?.[1];
  if (last === undefined) return 0;
  return Math.min(size, Number(last) + 1);
}
