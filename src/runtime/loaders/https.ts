import { createHash } from 'node:crypto';
import { messageOf } from '#core/errors';
import { DEFAULT_MAX_COMPONENT_BYTES } from '#core/limits';
import { RuntimeError } from '../errors.ts';
import { tooLarge } from './file.ts';

export interface HttpsLoadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly maxBytes?: number | undefined;
  /** Replaces the global `fetch`, for tests and proxies. */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

/**
 * Fetches a component from an `https:` URL. The URL must contain the expected digest (`#sha256=<64 hex>`), because nothing else
 * vouches for the bytes. Redirects are followed: only the digest decides.
 * @throws {RuntimeError} `RUNTIME_FETCH_FAILED`, `RUNTIME_INVALID_COMPONENT`, `RUNTIME_ABORTED`
 */
export async function fetchComponent(url: URL, options: HttpsLoadOptions = {}): Promise<Uint8Array> {
  const { signal, maxBytes = DEFAULT_MAX_COMPONENT_BYTES, fetch = globalThis.fetch } = options;
  const shown = `${url.origin}${url.pathname}`;
  const [, expected] = /^#sha256=([0-9a-f]{64})$/.exec(url.hash) ?? [];
  if (url.protocol !== 'https:' || expected === undefined) {
    throw new RuntimeError('RUNTIME_FETCH_FAILED', `${shown} needs a digest: write https://…#sha256=<64 hex digits>`);
  }
  const bytes = await download(shown, new URL(url.href.slice(0, -url.hash.length)), maxBytes, fetch, signal);
  const digest = createHash('sha256').update(bytes).digest('hex');
  if (digest !== expected) {
    throw new RuntimeError(
      'RUNTIME_FETCH_FAILED',
      `${shown} has the digest sha256=${digest}, not the one asked for; it is not loaded`,
    );
  }
  return bytes;
}

async function download(
  shown: string,
  url: URL,
  maxBytes: number,
  fetch: typeof globalThis.fetch,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  try {
    const response = await fetch(url, signal === undefined ? {} : { signal });
    if (!response.ok || response.body === null) {
      throw new RuntimeError('RUNTIME_FETCH_FAILED', `${shown} answered ${response.status}`);
    }
    if (Number(response.headers.get('content-length')) > maxBytes) {
      await response.body.cancel();
      throw tooLarge(shown, maxBytes);
    }
    const chunks: Uint8Array[] = [];
    let total = 0;
    for await (const chunk of response.body) {
      total += chunk.length;
      if (total > maxBytes) throw tooLarge(shown, maxBytes);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (cause) {
    if (signal?.aborted) throw new RuntimeError('RUNTIME_ABORTED', 'the load was aborted', { cause });
    if (cause instanceof RuntimeError) throw cause;
    throw new RuntimeError('RUNTIME_FETCH_FAILED', `${shown} cannot be fetched: ${messageOf(cause)}`, { cause });
  }
}
