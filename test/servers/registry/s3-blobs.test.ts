import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { S3BlobStore } from '#registry';
import { digestOf } from '#security/signatures';
import { systemClock } from '../../../src/system/clock.ts';
import { freePort } from '../../../tools/servers/free-port.ts';
import { describeBlobs } from '../../registry/blob-contract.ts';
import { describeWithServer } from '../../support/real-server.ts';
import { canHaveS3, startS3 } from '../../support/versity-server.ts';

const bytes = Buffer.from('component');
const pointer = digestOf(bytes);
const clock = systemClock;
const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };

describeWithServer('S3', canHaveS3(), 'install Go, which builds versitygw', () => {
  describeBlobs('S3', async () => {
    const server = await startS3();
    const { endpoint, bucket, credentials: own } = server;
    const blobs = await S3BlobStore.create({ endpoint, bucket, credentials: own, forcePathStyle: true, clock });
    return { blobs, now: Date.now, close: () => server.close() };
  });

  it('is refused with wrong credentials, and finds no bucket of another name', async () => {
    const server = await startS3();
    onTestFinished(() => server.close());
    const { endpoint, bucket } = server;
    const forged = { ...server.credentials, secretAccessKey: 'wrong' };
    const stranger = await S3BlobStore.create({ endpoint, bucket, credentials: forged, forcePathStyle: true, clock });
    await expect(stranger.put(pointer, bytes)).rejects.toMatchObject({ code: 'REGISTRY_REFUSED' });
    await expect(stranger.get(pointer, 1)).rejects.toMatchObject({ code: 'REGISTRY_REFUSED' });
    const lost = await S3BlobStore.create({
      endpoint,
      bucket: 'other',
      credentials: server.credentials,
      forcePathStyle: true,
      clock,
    });
    await expect(lost.get(pointer, 1)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
  });
});

/** A server that answers wrongly, which no real S3 server does on request. */
async function faulty(
  answer: (response: ServerResponse) => void,
): Promise<{ blobs: S3BlobStore; requests: () => number }> {
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    request.resume().on('end', () => answer(response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const options = { endpoint, bucket: 'b', credentials, clock, forcePathStyle: true, maxAttempts: 2, timeoutMs: 3_000 };
  return { blobs: await S3BlobStore.create(options), requests: () => requests };
}

describe('S3 blobs when the server misbehaves', () => {
  it.each([
    [403, 'REGISTRY_REFUSED'],
    [401, 'REGISTRY_REFUSED'],
    [500, 'REGISTRY_UNAVAILABLE'],
    [503, 'REGISTRY_UNAVAILABLE'],
  ])('a %d is %s', async (status, code) => {
    const { blobs } = await faulty((response) => response.writeHead(status).end('<Error><Code>X</Code></Error>'));
    await expect(blobs.get(pointer, 100)).rejects.toMatchObject({ code });
    await expect(blobs.put(pointer, bytes)).rejects.toMatchObject({ code });
    await expect(blobs.list()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code });
  });

  it('follows no redirect to another host', async () => {
    const elsewhere = await faulty((response) => response.end(bytes));
    const { blobs } = await faulty((response) =>
      response.writeHead(307, { location: 'http://127.0.0.1:1/stolen' }).end(),
    );
    await expect(blobs.get(pointer, 100)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
    expect(elsewhere.requests()).toBe(0);
  });

  it('takes half a body for no body', async () => {
    const { blobs } = await faulty((response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('half', () => response.destroy());
    });
    await expect(blobs.get(pointer, 2_000)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
  });

  it('gives up on a server that does not answer, or is not there', async () => {
    const options = { bucket: 'b', credentials, clock, forcePathStyle: true, maxAttempts: 1 };
    const { blobs } = await faulty(() => undefined);
    await expect(blobs.get(pointer, 1, AbortSignal.timeout(100))).rejects.toThrow();
    const gone = await S3BlobStore.create({ ...options, endpoint: `http://127.0.0.1:${await freePort()}` });
    await expect(gone.get(pointer, 1)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
    const slow = await faulty(() => undefined);
    await expect(slow.blobs.get(pointer, 1)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
  });

  it('does not read a body without end', async () => {
    const { blobs } = await faulty((response) => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        response.once('drain', more);
      };
      more();
    });
    expect(await blobs.get(pointer, 1_000_000)).toHaveLength(1_000_000);
  });
});
