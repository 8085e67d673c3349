import { createReadStream } from 'node:fs';
import type { Clock, Random } from '#core';
import { BundleError, quoted } from '../errors.ts';
import type { Resolve } from './address-rule.ts';
import { Authoriser } from './authoriser.ts';
import { discard, readBody } from './bounded-body.ts';
import type { Credentials } from './credentials.ts';
import { HttpClient, type HttpRequest, type HttpResponse, unreachable } from './http-client.ts';
import { MANIFEST_TYPE } from './manifest.ts';
import type { Repository } from './repository.ts';
import { parseRetryAfter, TransientError, waitBefore, withRetries } from './retry.ts';

export interface RegistryClientOptions {
  readonly repository: Repository;
  readonly credentials?: Credentials;
  /** Hosts of token servers, beside the registry's own, that may have the credentials. */
  readonly authHosts?: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  /** How many transfers run at the same time. Default 8. */
  readonly concurrency?: number;
  /** How long a silent server is waited for, in milliseconds. */
  readonly idleMs?: number;
  /** Blobs above this are sent in pieces of it. Default 16 MiB. */
  readonly pieceBytes?: number;
  readonly resolve?: Resolve;
  readonly signal?: AbortSignal;
}

export type BlobContent = Uint8Array | { readonly file: string };

const MAX_ERROR_BODY = 64 * 2 ** 10;
const MAX_MANIFEST_READ = 64 * 2 ** 20;
const MAX_CUTS = 6;
const TRANSIENT: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** One repository of an OCI registry: distribution specification 1.1, and the errors of build-cache/v1. */
export class RegistryClient {
  readonly repository: Repository;
  readonly concurrency: number;
  readonly #http: HttpClient;
  readonly #authoriser: Authoriser;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #signal: AbortSignal | undefined;
  readonly #pieceBytes: number;

  constructor(options: RegistryClientOptions) {
    this.repository = options.repository;
    this.concurrency = options.concurrency ?? 8;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#signal = options.signal;
    this.#pieceBytes = options.pieceBytes ?? 16 * 2 ** 20;
    const { registry } = options.repository;
    this.#http = new HttpClient({
      registry,
      connections: this.concurrency,
      ...(options.idleMs !== undefined && { idleMs: options.idleMs }),
      ...(options.resolve !== undefined && { resolve: options.resolve }),
    });
    this.#authoriser = new Authoriser(this.#http, registry, options.credentials, options.authHosts);
  }

  /** The manifest's bytes, or `undefined` if there is none. */
  async getManifest(reference: string): Promise<Buffer | undefined> {
    return this.#retrying(async () => {
      const url = this.#url(`manifests/${reference}`);
      const response = await this.#send({ method: 'GET', url, headers: { accept: MANIFEST_TYPE } });
      if (response.status === 404) {
        await discard(response.body);
        return undefined;
      }
      await this.#expect(response, [200], `reading the manifest ${quoted(reference)}`);
      return readBody(response.body, MAX_MANIFEST_READ, response.url);
    });
  }

  async putManifest(reference: string, bytes: Uint8Array): Promise<void> {
    await this.#retrying(async () => {
      const url = this.#url(`manifests/${reference}`);
      const headers = { 'content-type': MANIFEST_TYPE, 'content-length': String(bytes.length) };
      const response = await this.#send({ method: 'PUT', url, headers, body: bytes });
      await this.#expect(response, [200, 201, 202], `writing the manifest ${quoted(reference)}`);
      await discard(response.body);
    });
  }

  async hasBlob(digest: string): Promise<boolean> {
    return this.#retrying(async () => {
      const response = await this.#send({ method: 'HEAD', url: this.#url(`blobs/${digest}`) });
      if (response.status === 404) {
        await discard(response.body);
        return false;
      }
      await this.#expect(response, [200], `looking for the blob ${digest}`);
      await discard(response.body);
      return true;
    });
  }

  /** A blob of at most `size` bytes as a whole. */
  async getBlob(digest: string, size: number): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    for await (const piece of this.readBlob(digest, size)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  /**
   * A blob's bytes, exactly `size` of them; whoever reads checks their digest. When the connection breaks, it goes on
   * where it was, by `Range` where the registry offers it.
   *
   * @throws {BundleError} `BUNDLE_CHUNK_MISSING`, `BUNDLE_DIGEST_MISMATCH`, `BUNDLE_UNREACHABLE` and as `send`
   */
  async *readBlob(digest: string, size: number): AsyncGenerator<Uint8Array> {
    let received = 0;
    for (let cuts = 0; ; ) {
      const { response, from } = await this.#openBlob(digest, received, size);
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
        // An answer that ended in order, yet too early, is the registry's word.
        const promised = response.headers['content-length'];
        if (promised === undefined || Number(promised) !== size - from) {
          throw mismatch(digest, `has ${received} bytes, its manifest says ${size}`);
        }
        throw unreachable(response.url, new Error('the answer was cut'));
      } catch (error) {
        response.body.destroy();
        if (error instanceof BundleError && !(error instanceof TransientError)) throw error;
        this.#signal?.throwIfAborted();
        const transient = error instanceof TransientError ? error : unreachable(response.url, error);
        if (++cuts === MAX_CUTS) throw transient;
        await waitBefore(cuts, transient, this.#retryOptions());
      } finally {
        // Also when the reader leaves early.
        if (!response.body.readableEnded) response.body.destroy();
      }
    }
  }

  /** Lets a blob of another repository of this registry be one of this too. @returns whether that was offered. */
  async mountBlob(digest: string, from: string): Promise<boolean> {
    return this.#retrying(async () => {
      const url = this.#url('blobs/uploads/');
      url.searchParams.set('mount', digest);
      url.searchParams.set('from', from);
      const response = await this.#send({ method: 'POST', url, headers: { 'content-length': '0' } });
      await discard(response.body);
      // 202 opens an upload instead, which the registry forgets; any refusal means only that it is not offered.
      return response.status === 201;
    });
  }

  /** Sends a blob; `size` must be that of the content. */
  async putBlob(digest: string, size: number, content: BlobContent): Promise<void> {
    const what = `sending the blob ${digest}`;
    await this.#retrying(async () => {
      const opened = await this.#send({
        method: 'POST',
        url: this.#url('blobs/uploads/'),
        headers: { 'content-length': '0' },
      });
      await this.#expect(opened, [202], what);
      await discard(opened.body);
      let location = this.#locationOf(opened);
      const whole = size <= this.#pieceBytes;
      if (!whole) location = await this.#sendPieces(location, size, content, what);
      location.searchParams.set('digest', digest);
      const body = whole ? slice(content, 0, size) : new Uint8Array(0);
      const response = await this.#send({
        method: 'PUT',
        url: location,
        headers: { 'content-type': 'application/octet-stream', 'content-length': String(whole ? size : 0) },
        body,
      });
      await this.#expect(response, [200, 201, 204], what);
      await discard(response.body);
    });
  }

  async close(): Promise<void> {
    await this.#http.close();
  }

  async #sendPieces(opened: URL, size: number, content: BlobContent, what: string): Promise<URL> {
    let location = opened;
    let sent = 0;
    for (let failures = 0; sent < size; ) {
      const end = Math.min(size, sent + this.#pieceBytes);
      try {
        const response = await this.#send({
          method: 'PATCH',
          url: location,
          headers: {
            'content-type': 'application/octet-stream',
            'content-length': String(end - sent),
            'content-range': `${sent}-${end - 1}`,
          },
          body: slice(content, sent, end),
        });
        await this.#expect(response, [202, 204], what);
        await discard(response.body);
        location = this.#locationOf(response, location);
        sent = end;
      } catch (error) {
        if (!(error instanceof TransientError) || ++failures === MAX_CUTS) throw error;
        await waitBefore(failures, error, this.#retryOptions());
        const status = await this.#send({ method: 'GET', url: location });
        await this.#expect(status, [204, 202], what);
        await discard(status.body);
        location = this.#locationOf(status, location);
        sent = received(status.headers.range, size);
      }
    }
    return location;
  }

  async #openBlob(
    digest: string,
    start: number,
    size: number,
  ): Promise<{ readonly response: HttpResponse; readonly from: number }> {
    return this.#retrying(async () => {
      const headers: Record<string, string> = start === 0 ? {} : { range: `bytes=${start}-${size - 1}` };
      const response = await this.#send({ method: 'GET', url: this.#url(`blobs/${digest}`), headers });
      if (response.status === 404) {
        await discard(response.body);
        throw new BundleError('BUNDLE_CHUNK_MISSING', `the registry has no blob ${digest}; push the bundle again`, {
          details: { digest },
        });
      }
      await this.#expect(response, start === 0 ? [200] : [200, 206], `reading the blob ${digest}`);
      if (response.status === 200) return { response, from: 0 };
      if (!response.headers['content-range']?.startsWith(`bytes ${start}-`)) {
        response.body.destroy();
        throw mismatch(digest, 'came in another range than was asked for');
      }
      return { response, from: start };
    });
  }

  #url(path: string): URL {
    return new URL(`/v2/${this.repository.name}/${path}`, this.repository.registry);
  }

  #locationOf(response: HttpResponse, otherwise?: URL): URL {
    const { location } = response.headers;
    if (location !== undefined) return this.#http.follow(response.url, location);
    if (otherwise !== undefined) return otherwise;
    throw new BundleError('BUNDLE_REGISTRY_REFUSED', 'the registry opened an upload and did not say where');
  }

  /** Sends with credentials, and answers one challenge. */
  async #send(request: Omit<HttpRequest, 'signal'>): Promise<HttpResponse> {
    const full = { ...request, ...(this.#signal !== undefined && { signal: this.#signal }) };
    const response = await this.#http.send(full, await this.#authoriser.header());
    const own = response.url.origin === this.repository.registry.origin;
    // A stream was used up by the first attempt, which the caller repeats as a whole.
    if (response.status !== 401 || !own) return response;
    await discard(response.body);
    const answer = await this.#authoriser.answer(response, this.#signal);
    if (request.body !== undefined && !(request.body instanceof Uint8Array)) {
      throw new TransientError('the registry asked for a token in the middle of an upload');
    }
    return this.#http.send(full, answer);
  }

  async #expect(response: HttpResponse, wanted: readonly number[], what: string): Promise<void> {
    if (wanted.includes(response.status)) return;
    const body = await readBody(response.body, MAX_ERROR_BODY, response.url).catch(() => Buffer.alloc(0));
    throw this.#errorOf(response, body.toString('utf8'), what);
  }

  #errorOf({ status, headers, url }: HttpResponse, body: string, what: string): BundleError {
    const { code, message } = firstError(this.#authoriser.redact(body));
    const said = [code, message === undefined ? undefined : quoted(message)].filter((part) => part !== undefined);
    const text = `${what}: ${url.host} answers ${status}${said.length > 0 ? ` (${said.join(': ')})` : ''}`;
    const details = { status, ...(code !== undefined && { registryCode: code }) };
    if (TRANSIENT.has(status)) {
      const retryAfterMs = parseRetryAfter(headers['retry-after'], this.#clock.now());
      return new TransientError(`${text}; try later`, { details, ...(retryAfterMs !== undefined && { retryAfterMs }) });
    }
    if (status === 401 || status === 403) {
      return new BundleError('BUNDLE_UNAUTHORISED', `${text}; give a token that may do this`, { details });
    }
    if (code === 'BLOB_DIGEST_MISMATCH' || code === 'DIGEST_INVALID') {
      return new BundleError('BUNDLE_DIGEST_MISMATCH', `${text}; is it the right digest mode?`, { details });
    }
    if (status === 413 || code === 'BLOB_TOO_LARGE') return new BundleError('BUNDLE_TOO_LARGE', text, { details });
    if (status === 404) return new BundleError('BUNDLE_NOT_FOUND', text, { details });
    if (code === 'TAG_CONFLICT') {
      return new BundleError('BUNDLE_TAG_MOVED', `${text}; another push holds the tag, choose one or repeat`, {
        details,
      });
    }
    return new BundleError('BUNDLE_REGISTRY_REFUSED', text, { details });
  }

  #retrying<Result>(task: () => Promise<Result>): Promise<Result> {
    return withRetries(task, this.#retryOptions());
  }

  #retryOptions(): { clock: Clock; random: Random; signal?: AbortSignal } {
    return { clock: this.#clock, random: this.#random, ...(this.#signal !== undefined && { signal: this.#signal }) };
  }
}

export function mismatch(digest: string, what: string): BundleError {
  return new BundleError('BUNDLE_DIGEST_MISMATCH', `the blob ${digest} ${what}; the registry is damaged or hostile`, {
    details: { digest },
  });
}

function slice(content: BlobContent, start: number, end: number): HttpRequest['body'] {
  if (content instanceof Uint8Array) return content.subarray(start, end);
  if (start === end) return new Uint8Array(0);
  return createReadStream(content.file, { start, end: end - 1 });
}

/** How much of an upload a registry has, by its `Range: 0-<last>`. */
function received(range: string | undefined, size: number): number {
  const last = /^(?:bytes=)?0-(\d{1,15})$/.exec(range ?? '')?.[1];
  if (last === undefined) return 0;
  return Math.min(size, Number(last) + 1);
}

function firstError(body: string): { readonly code?: string; readonly message?: string } {
  try {
    const { errors } = JSON.parse(body) as { errors?: unknown };
    const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
    if (typeof first !== 'object' || first === null) return {};
    const { code, message } = first as Record<string, unknown>;
    return {
      ...(typeof code === 'string' && /^[A-Z_]{1,64}$/.test(code) && { code }),
      ...(typeof message === 'string' && { message }),
    };
  } catch {
    return {};
  }
}
