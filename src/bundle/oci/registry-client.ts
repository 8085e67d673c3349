import { createHash } from 'node:crypto';
import { shownText } from '#core/text';
import { downloadBlob } from './blob-download.ts';
import { type BlobContent, uploadBlob } from './blob-upload.ts';
import { discard, readBody } from './bounded-body.ts';
import type { Destination } from './http-client.ts';
import { MANIFEST_TYPE } from './manifest.ts';
import { getReferrers, type ReferrersPage } from './referrers-api.ts';
import { unknownDigests } from './registry-error.ts';
import { RegistrySession, type RegistrySessionOptions } from './registry-session.ts';
import type { Repository } from './repository.ts';

export interface RegistryClientOptions extends Omit<RegistrySessionOptions, 'concurrency'> {
  /** How many transfers run at the same time. Default 8. */
  readonly concurrency?: number;
  /** Larger blobs are sent in pieces of this size. Default 16 MiB. */
  readonly pieceBytes?: number;
}

const MAX_MANIFEST_READ = 64 * 2 ** 20;

/** One repository of an OCI registry: distribution specification 1.1, and the errors of build-cache/v1. */
export class RegistryClient {
  readonly repository: Repository;
  readonly concurrency: number;
  readonly #session: RegistrySession;
  readonly #pieceBytes: number;
  readonly #seed: Uint8Array;

  constructor(options: RegistryClientOptions) {
    this.repository = options.repository;
    this.concurrency = options.concurrency ?? 8;
    this.#pieceBytes = options.pieceBytes ?? 16 * 2 ** 20;
    this.#seed = options.random.bytes(32);
    this.#session = new RegistrySession({ ...options, concurrency: this.concurrency });
  }

  /** Reads a manifest (or another document of `type`), or returns `undefined` if there is none. */
  async getManifest(
    reference: string,
    { type = MANIFEST_TYPE, limit = MAX_MANIFEST_READ }: { readonly type?: string; readonly limit?: number } = {},
  ): Promise<Buffer | undefined> {
    const session = this.#session;
    return session.retrying(async () => {
      const url = session.url(`manifests/${reference}`);
      const response = await session.send({ method: 'GET', url, headers: { accept: type } });
      if (response.status === 404) {
        await discard(response.body);
        return undefined;
      }
      await session.expect(response, [200], `reading the manifest ${shownText(reference)}`);
      return readBody(response.body, limit, response.url);
    });
  }

  /** @returns the digest of the subject that the registry records as referred to, if it does that */
  async putManifest(reference: string, bytes: Uint8Array, type: string = MANIFEST_TYPE): Promise<string | undefined> {
    const session = this.#session;
    return session.retrying(async () => {
      const url = session.url(`manifests/${reference}`);
      const headers = { 'content-type': type, 'content-length': String(bytes.length) };
      const response = await session.send({ method: 'PUT', url, headers, body: bytes });
      await session.expect(response, [200, 201, 202], `writing the manifest ${shownText(reference)}`);
      await discard(response.body);
      return response.headers['oci-subject'];
    });
  }

  /** Requests referrers as `getReferrers` does. */
  getReferrers(subject: string, artifactType: string, next?: Destination): Promise<ReferrersPage | undefined> {
    return getReferrers(this.#session, subject, artifactType, next);
  }

  /**
   * Sends a manifest that names blobs which cannot exist. The registry refuses it and lists the blobs that it does not
   * have.
   * @returns all digests in the refusal; `undefined` if the answer is of another kind. An accepted manifest is deleted.
   */
  async blobsUnknownOf(reference: string, manifest: Uint8Array): Promise<ReadonlySet<string> | undefined> {
    const session = this.#session;
    return session.retrying(async () => {
      const url = session.url(`manifests/${reference}`);
      const headers = { 'content-type': MANIFEST_TYPE, 'content-length': String(manifest.length) };
      const response = await session.send({ method: 'PUT', url, headers, body: manifest });
      const refused = response.status >= 400 && response.status < 500;
      if (refused) return unknownDigests(await readBody(response.body, MAX_MANIFEST_READ, response.url));
      await discard(response.body);
      if (response.status < 300) await discard((await session.send({ method: 'DELETE', url })).body);
      return undefined;
    });
  }

  /** Returns a digest of which no registry has the bytes; a different one for each `place`. */
  unusedDigest(place: number): string {
    return `sha256:${createHash('sha256').update(this.#seed).update(`no bytes: ${place}`).digest('hex')}`;
  }

  async hasBlob(digest: string): Promise<boolean> {
    const session = this.#session;
    return session.retrying(async () => {
      const response = await session.send({ method: 'HEAD', url: session.url(`blobs/${digest}`) });
      if (response.status === 404) {
        await discard(response.body);
        return false;
      }
      await session.expect(response, [200], `looking for the blob ${digest}`);
      await discard(response.body);
      return true;
    });
  }

  /** Reads a whole blob of at most `size` bytes. */
  async getBlob(digest: string, size: number): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    for await (const piece of this.readBlob(digest, size)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  /** Reads a blob as `downloadBlob` does. */
  readBlob(digest: string, size: number): AsyncGenerator<Uint8Array> {
    return downloadBlob(this.#session, digest, size);
  }

  /** Mounts a blob from another repository of this registry. @returns whether the registry did it */
  async mountBlob(digest: string, from: string): Promise<boolean> {
    const session = this.#session;
    return session.retrying(async () => {
      const url = session.url('blobs/uploads/');
      url.searchParams.set('mount', digest);
      url.searchParams.set('from', from);
      const response = await session.send({ method: 'POST', url, headers: { 'content-length': '0' } });
      await discard(response.body);
      // 202 opens an upload instead, which the registry forgets. Any refusal only means that mounting is not supported.
      return response.status === 201;
    });
  }

  /** Sends a blob; `size` must be the size of the content. */
  async putBlob(digest: string, size: number, content: BlobContent): Promise<void> {
    await uploadBlob(this.#session, { digest, size, content }, { pieceBytes: this.#pieceBytes });
  }

  async close(): Promise<void> {
    await this.#session.close();
  }
}
