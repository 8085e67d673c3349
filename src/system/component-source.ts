import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CacheError } from '#cache';
import { type ComponentId, formatComponentId } from '#core';
import { DEFAULT_MAX_COMPONENT_BYTES } from '#core/limits';
import type { ComponentLoader } from '#core/ports/loader';
import { RuntimeError } from '#runtime';
import { checkComponentSize, fetchComponent, isMissing, readComponentFile } from '#runtime/loaders';

/** The sources that `load` accepts: a path, a `file:` or `https:` URL, `registry:ID`, bytes, or an id that a loader knows. */
export type ComponentSource = string | URL | Uint8Array | ComponentId;

export interface ReadOptions {
  /** The largest component that is read; 64 MiB by default. */
  readonly maxBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** @throws `RUNTIME_NOT_FOUND`, `RUNTIME_FETCH_FAILED`, `RUNTIME_INVALID_COMPONENT`, `RUNTIME_ABORTED` */
export async function readSource(
  source: ComponentSource,
  loader: ComponentLoader,
  { maxBytes = DEFAULT_MAX_COMPONENT_BYTES, signal }: ReadOptions = {},
): Promise<Uint8Array> {
  if (source instanceof Uint8Array) {
    checkComponentSize(source, maxBytes);
    return source;
  }
  if (typeof source === 'string' || source instanceof URL) {
    const url = asUrl(source);
    if (url?.protocol === 'https:' || url?.protocol === 'http:') return fetchComponent(url, { signal, maxBytes });
    return readComponentPath(url === undefined ? (source as string) : fileURLToPath(url), { maxBytes, signal });
  }
  refuseNoSource(source);
  const bytes = await loader.loadBytes(source, signal);
  if (bytes === undefined) {
    throw new RuntimeError(
      'RUNTIME_NOT_FOUND',
      `no loader has ${formatComponentId(source)}; give the folder in createRuntime({ components })`,
    );
  }
  checkComponentSize(bytes, maxBytes, formatComponentId(source));
  return bytes;
}

/** Returns the module id of a `registry:ID` source; undefined for any other source. */
export function moduleIdOf(source: ComponentSource): string | undefined {
  const text = source instanceof URL ? source.href : source;
  return typeof text === 'string' && text.startsWith('registry:') ? text.slice('registry:'.length) : undefined;
}

/**
 * Adds `digest` to an `https:` URL without a fragment, so that the fetch checks it. Returns any other source unchanged.
 * @throws `CACHE_DIGEST_MISMATCH` when the URL names another digest
 */
export function withDigest(source: ComponentSource, digest: string): ComponentSource {
  if (typeof source !== 'string' && !(source instanceof URL)) return source;
  const url = asUrl(source);
  if (url?.protocol !== 'https:') return source;
  const hash = `#${digest.replace(':', '=')}`;
  if (url.hash.startsWith('#sha256=') && url.hash !== hash) refuseOther(url.hash.slice(1).replace('=', ':'), digest);
  return url.hash === '' ? new URL(hash, url) : source;
}

/** Names a component that was loaded without an id after its file, with characters that an id does not permit replaced. */
export function nameOf(source: ComponentSource): string {
  if (source instanceof Uint8Array) return 'component';
  if (typeof source !== 'string' && !(source instanceof URL)) {
    refuseNoSource(source);
    return source.name;
  }
  const path = source instanceof URL ? source.pathname : (source.split('#', 1)[0] as string);
  const name = basename(path)
    .replace(/\.wasm$/, '')
    .toLowerCase()
    .replace(/[^a-z0-9._-]/g, '-')
    .replace(/^[^a-z0-9]+/, '');
  return name.slice(0, 63) || 'component';
}

/** Whether a source is an id that a loader may know. */
export function isComponentId(source: ComponentSource): source is ComponentId {
  if (typeof source !== 'object' || source === null || source instanceof URL || source instanceof Uint8Array)
    return false;
  return (
    'namespace' in source && [source.namespace, source.name, source.instance].every((part) => typeof part === 'string')
  );
}

/** Rejects a value that is no source, because an embedder without types may pass anything. @throws `RUNTIME_NOT_FOUND` */
function refuseNoSource(source: ComponentId): void {
  const given: unknown = source;
  if (typeof given === 'object' && given !== null && 'namespace' in given && 'name' in given && 'instance' in given) {
    if ([given.namespace, given.name, given.instance].every((part) => typeof part === 'string')) return;
  }
  const message = `a component is given as a path, a URL, bytes, registry:ID or an id, not as a value of type ${typeof given}`;
  throw new RuntimeError('RUNTIME_NOT_FOUND', message);
}

function asUrl(source: string | URL): URL | undefined {
  if (source instanceof URL) return source;
  return /^(https?|file):\/\//.test(source) ? new URL(source) : undefined;
}

/** Returns the file that a source names, beside which its signature lies; undefined for bytes, ids and network addresses. */
export function pathOf(source: ComponentSource): string | undefined {
  if (typeof source !== 'string' && !(source instanceof URL)) return undefined;
  const url = asUrl(source);
  if (url === undefined) return resolve(source as string);
  return url.protocol === 'file:' ? fileURLToPath(url) : undefined;
}

export async function readComponentPath(path: string, { maxBytes, signal }: ReadOptions = {}): Promise<Uint8Array> {
  try {
    return await readComponentFile(resolve(path), maxBytes, signal);
  } catch (cause) {
    if (!isMissing(cause)) throw cause;
    throw new RuntimeError('RUNTIME_NOT_FOUND', `there is no file ${path}`, { cause, details: { path } });
  }
}

/** @throws {CacheError} `CACHE_DIGEST_MISMATCH` */
export function refuseOther(found: string, wanted: string): void {
  if (found === wanted) return;
  const message = `the component has ${found}, but ${wanted} was asked for; it is not loaded`;
  throw new CacheError('CACHE_DIGEST_MISMATCH', message, { details: { digest: found, wanted } });
}
