import { wasmDigestOf } from '#cache';
import type { GivenComponent } from '#core/ports/engine';
import type { ComponentLoader } from '#core/ports/loader';
import type { FetchedModule, ModuleRegistry } from '#core/ports/registry';
import {
  type ComponentSource,
  isComponentId,
  moduleIdOf,
  pathOf,
  readSource,
  refuseOther,
  withDigest,
} from './component-source.ts';

export interface GivenSourceParts {
  readonly loader: () => ComponentLoader;
  readonly registry: () => Pick<ModuleRegistry, 'fetch'>;
  readonly maxBytes: number;
  /** The digest that the bytes must have: `sha256:` and 64 hex digits. With a digest, the bytes are read only when they are needed. */
  readonly digest?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The source that `load` was given. It is read at most once. */
export class GivenSource {
  readonly #source: ComponentSource;
  readonly #parts: GivenSourceParts;
  readonly #moduleId: string | undefined;
  #module: Promise<FetchedModule> | undefined;
  #bytes: Promise<Uint8Array> | undefined;

  /** @throws `CACHE_DIGEST_MISMATCH` when the URL asks for another digest */
  constructor(source: ComponentSource, parts: GivenSourceParts) {
    this.#source = parts.digest === undefined ? source : withDigest(source, parts.digest);
    this.#parts = parts;
    this.#moduleId = moduleIdOf(source);
  }

  /** Returns the file that the component comes from, beside which its signature lies; undefined if it comes from elsewhere. */
  async path(): Promise<string | undefined> {
    if (this.#moduleId !== undefined) return undefined;
    return isComponentId(this.#source) ? this.#parts.loader().fileOf?.(this.#source) : pathOf(this.#source);
  }

  /** Returns the signers of a module from the registry, which it fetches for that; undefined for any other source. */
  get signers(): (() => Promise<readonly string[]>) | undefined {
    const id = this.#moduleId;
    if (id === undefined) return undefined;
    return async () => {
      const { record, signers } = await this.#fetch(id);
      return signers ?? [record.keyId];
    };
  }

  /** @throws what reading the source throws, and `CACHE_DIGEST_MISMATCH` */
  async component(): Promise<GivenComponent> {
    const { digest } = this.#parts;
    // Bytes in memory cost no read, so their digest is checked at once instead of when the cache misses.
    if (digest === undefined || this.#source instanceof Uint8Array) return this.#read();
    return { digest, read: () => this.#read() };
  }

  #read(): Promise<Uint8Array> {
    this.#bytes ??= this.#checked();
    return this.#bytes;
  }

  async #checked(): Promise<Uint8Array> {
    const { loader, maxBytes, digest, signal } = this.#parts;
    const source = this.#moduleId === undefined ? this.#source : (await this.#fetch(this.#moduleId)).bytes;
    const bytes = await readSource(source, loader(), { maxBytes, signal });
    if (digest !== undefined) refuseOther(await wasmDigestOf(bytes), digest);
    return bytes;
  }

  #fetch(id: string): Promise<FetchedModule> {
    this.#module ??= this.#parts.registry().fetch(id, this.#parts.signal);
    return this.#module;
  }
}
