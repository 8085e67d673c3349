import type { GetObjectCommandOutput, S3Client } from '@aws-sdk/client-s3';
import { messageOf } from '#core/errors';
import type { Clock } from '#core/ports/clock';
import type { BlobInventory, BlobStore } from '#core/ports/registry';
import { systemClock } from '#core/ports/system-clock';
import { isDigest } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { checkPointer } from './pointer.ts';

export interface S3Options {
  readonly bucket: string;
  /** The beginning of every key; `registry/` by default. */
  readonly prefix?: string | undefined;
  /** The URL of a server other than Amazon's. */
  readonly endpoint?: string | undefined;
  /** Puts the bucket into the path instead of the host name, which most other servers require. */
  readonly forcePathStyle?: boolean | undefined;
  readonly region?: string | undefined;
  /** The AWS client's own sources by default (environment, profile, role). */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
  /** The attempts for each request; 3 by default. */
  readonly maxAttempts?: number | undefined;
  /** Milliseconds for each request with all its attempts; 60,000 by default. */
  readonly timeoutMs?: number | undefined;
  /** Measures this time; the machine's clock by default. */
  readonly clock?: Pick<Clock, 'after'> | undefined;
}

/** Refusals that not every server sends with status 403, and the error of the client when it finds no credentials. */
const REFUSALS = new Set(['AccessDenied', 'InvalidAccessKeyId', 'SignatureDoesNotMatch', 'CredentialsProviderError']);

type Sdk = typeof import('@aws-sdk/client-s3');

/** Blobs in a bucket, under `<prefix>sha256/<64 hex digits>`. */
export class S3BlobStore implements BlobStore, BlobInventory {
  readonly #sdk: Sdk;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #base: string;
  readonly #timeoutMs: number;
  readonly #clock: Pick<Clock, 'after'>;

  private constructor(sdk: Sdk, options: S3Options) {
    const { bucket, prefix = 'registry/', timeoutMs = 60_000, maxAttempts = 3 } = options;
    const { endpoint, forcePathStyle, region = 'us-east-1', credentials } = options;
    this.#sdk = sdk;
    this.#bucket = bucket;
    this.#base = `${prefix}sha256/`;
    this.#timeoutMs = timeoutMs;
    this.#clock = options.clock ?? systemClock;
    this.#client = new sdk.S3Client({
      region,
      maxAttempts,
      // Older servers reject requests with unknown checksums. Our own digest covers the bytes.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(forcePathStyle === undefined ? {} : { forcePathStyle }),
      ...(credentials === undefined ? {} : { credentials }),
    });
  }

  /** Makes the store without connecting. @throws {RegistryError} `REGISTRY_MISSING_PEER` */
  static async create(options: S3Options): Promise<S3BlobStore> {
    const sdk = await import('@aws-sdk/client-s3').catch((cause: unknown) => {
      throw new RegistryError(
        'REGISTRY_MISSING_PEER',
        `the client of S3 cannot be loaded (${messageOf(cause)}); install it: npm install @aws-sdk/client-s3@3`,
        { cause },
      );
    });
    return new S3BlobStore(sdk, options);
  }

  async put(pointer: string, bytes: Uint8Array): Promise<void> {
    const command = new this.#sdk.PutObjectCommand({
      ...this.#place(pointer),
      Body: bytes,
      ContentType: 'application/wasm',
    });
    await this.#guard('store', pointer, (abortSignal) => this.#client.send(command, { abortSignal }));
  }

  async get(pointer: string, maxBytes: number, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const command = new this.#sdk.GetObjectCommand(this.#place(pointer));
    return this.#guard(
      'read',
      pointer,
      async (abortSignal) => {
        let object: GetObjectCommandOutput;
        try {
          object = await this.#client.send(command, { abortSignal });
        } catch (error) {
          if (error instanceof this.#sdk.NoSuchKey) return undefined;
          throw error;
        }
        return readCapped(object, maxBytes);
      },
      signal,
    );
  }

  async *list(): AsyncIterable<{ readonly pointer: string; readonly storedAt: number }> {
    for (let token: string | undefined; ; ) {
      const command = new this.#sdk.ListObjectsV2Command({
        Bucket: this.#bucket,
        Prefix: this.#base,
        ContinuationToken: token,
      });
      const page = await this.#guard('list', this.#base, (abortSignal) => this.#client.send(command, { abortSignal }));
      for (const { Key, LastModified } of page.Contents ?? []) {
        const pointer = `sha256:${Key?.slice(this.#base.length)}`;
        if (isDigest(pointer) && LastModified !== undefined) yield { pointer, storedAt: LastModified.getTime() };
      }
      token = page.NextContinuationToken;
      if (token === undefined) return;
    }
  }

  async delete(pointer: string): Promise<void> {
    const command = new this.#sdk.DeleteObjectCommand(this.#place(pointer));
    await this.#guard('delete', pointer, (abortSignal) => this.#client.send(command, { abortSignal }));
  }

  close(): void {
    this.#client.destroy();
  }

  #place(pointer: string): { Bucket: string; Key: string } {
    return { Bucket: this.#bucket, Key: this.#base + checkPointer(pointer) };
  }

  async #guard<T>(
    verb: string,
    what: string,
    task: (signal: AbortSignal) => Promise<T>,
    outer?: AbortSignal,
  ): Promise<T> {
    const timeout = new AbortController();
    outer?.throwIfAborted();
    const stopTimer = this.#clock.after(this.#timeoutMs, () =>
      timeout.abort(new Error(`no answer within ${this.#timeoutMs} ms`)),
    );
    try {
      return await task(outer === undefined ? timeout.signal : AbortSignal.any([outer, timeout.signal]));
    } catch (cause) {
      outer?.throwIfAborted();
      const status = statusOf(cause);
      const isRefusal = status === 401 || status === 403 || REFUSALS.has(nameOf(cause));
      const why = `${nameOf(cause)}${status === undefined ? '' : ` ${status}`}: ${messageOf(cause)}`;
      throw new RegistryError(
        isRefusal ? 'REGISTRY_REFUSED' : 'REGISTRY_UNAVAILABLE',
        `cannot ${verb} ${what} in the bucket ${this.#bucket}: ${why}`,
        { cause, details: { status } },
      );
    } finally {
      stopTimer();
    }
  }
}

/** Reads a body up to a limit. An incomplete body is a connection error, not a short blob. */
async function readCapped(object: GetObjectCommandOutput, maxBytes: number): Promise<Uint8Array> {
  const stream = object.Body?.transformToWebStream();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream ?? []) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= maxBytes) break;
  }
  const wanted = Math.min(object.ContentLength ?? length, maxBytes);
  if (length < wanted) throw new Error(`the body broke off after ${length} of ${wanted} bytes`);
  const bytes = new Uint8Array(Math.min(length, maxBytes));
  let at = 0;
  for (const chunk of chunks) {
    const part = chunk.subarray(0, bytes.length - at);
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('$metadata' in error)) return undefined;
  const metadata = error.$metadata as { httpStatusCode?: unknown } | undefined;
  return typeof metadata?.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'Error';
}
