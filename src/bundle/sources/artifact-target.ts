import { hash } from 'node:crypto';
import { isVivariumError } from '#core/errors';
import type { ArtifactKey, ArtifactStore } from '#core/ports/artifact';
import { shownText } from '#core/text';
import { BundleError } from '../errors.ts';
import type { SourceEntry } from '../lockfile/model.ts';
import { ARTIFACT_KIND, COMPONENT_KIND, componentPath, keyOf, SEAL_KIND } from './artifact-layout.ts';
import type { BundleTarget } from './bundle-source.ts';

export type Read = () => Promise<Uint8Array>;

export interface ArtifactTargetOptions {
  readonly store: ArtifactStore;
  /** Builds a component's artifact here if no usable one was carried, because it was unsigned or for another engine. */
  readonly rebuild?: (component: Uint8Array, wasmDigest: string) => Promise<void>;
}

export interface ArtifactReport {
  readonly imported: number;
  readonly rebuilt: number;
  /** The number of artifacts for other engines. */
  readonly otherEngines: number;
  /** Paths of artifacts without a trusted signature whose component is not in the bundle. */
  readonly untrusted: readonly string[];
}

/**
 * Restores artifacts into the artifact cache. An artifact runs with the host's rights, so it is accepted only if the
 * store accepts its seal (a signature by a trusted key). Otherwise it is built again from the carried component.
 */
export class ArtifactTarget implements BundleTarget {
  readonly #options: ArtifactTargetOptions;
  readonly #components = new Map<string, Read>();
  readonly #artifacts = new Map<string, { readonly key: ArtifactKey; readonly path: string; readonly read: Read }>();
  readonly #seals = new Map<string, Read>();
  #report: ArtifactReport = { imported: 0, rebuilt: 0, otherEngines: 0, untrusted: [] };

  constructor(options: ArtifactTargetOptions) {
    this.#options = options;
  }

  /** What happened to the artifacts; complete after `commit`. */
  get report(): ArtifactReport {
    return this.#report;
  }

  async restore({ path, kind }: SourceEntry, read: Read): Promise<void> {
    const bytes = await read();
    if (kind === COMPONENT_KIND) {
      const digest = `sha256:${hash('sha256', bytes, 'hex')}`;
      if (componentPath(digest) !== path) throw this.#invalid(path, 'is not the component that its path names');
      this.#components.set(digest, read);
      return;
    }
    const key = keyOf(path);
    const isSeal = path.endsWith('.seal');
    if (key === undefined || kind !== (isSeal ? SEAL_KIND : ARTIFACT_KIND)) {
      throw this.#invalid(path, `is neither a component nor an artifact (its kind is ${shownText(kind)})`);
    }
    // The bytes are read again when they are needed, because all artifacts at once might not fit into memory.
    if (isSeal) this.#seals.set(nameOf(key), read);
    else this.#artifacts.set(nameOf(key), { key, path, read });
  }

  /**
   * @throws {BundleError} `BUNDLE_UNTRUSTED` if there were artifacts for this machine and none was accepted or built
   */
  async commit(): Promise<void> {
    const { store, rebuild } = this.#options;
    const sum = { imported: 0, rebuilt: 0, otherEngines: 0 };
    const refused: { readonly path: string; readonly wasmDigest: string }[] = [];
    const ready = new Set<string>();
    for (const [name, { key, path, read }] of this.#artifacts) {
      const outcome = await this.#import(store, key, read, this.#seals.get(name));
      if (outcome === 'untrusted') refused.push({ path, wasmDigest: key.wasmDigest });
      else sum[outcome]++;
      if (outcome === 'imported') ready.add(key.wasmDigest);
    }
    for (const [wasmDigest, read] of rebuild === undefined ? [] : this.#components) {
      if (ready.has(wasmDigest)) continue;
      await rebuild?.(await read(), wasmDigest);
      ready.add(wasmDigest);
      sum.rebuilt++;
    }
    const untrusted = refused.filter(({ wasmDigest }) => !ready.has(wasmDigest)).map(({ path }) => path);
    this.#report = { ...sum, untrusted };
    if (untrusted.length > 0 && sum.imported + sum.rebuilt === 0) {
      throw new BundleError(
        'BUNDLE_UNTRUSTED',
        `no trusted key signed the ${untrusted.length} artifacts, and their components are not in the bundle; ` +
          'trust the key of whoever pushed them, or have them pushed with their components',
        { details: { untrusted: untrusted.length } },
      );
    }
  }

  abandon(): Promise<void> {
    this.#artifacts.clear();
    return Promise.resolve();
  }

  async #import(
    store: ArtifactStore,
    key: ArtifactKey,
    read: Read,
    seal: Read | undefined,
  ): Promise<'imported' | 'otherEngines' | 'untrusted'> {
    if (seal === undefined) return 'untrusted';
    try {
      await store.import({ key, bytes: await read(), seal: await seal() });
      return 'imported';
    } catch (error) {
      if (isVivariumError(error, 'CACHE_UNTRUSTED')) return 'untrusted';
      // The store accepts only keys of this machine's engine profiles.
      if (isVivariumError(error, 'CACHE_INVALID_KEY')) return 'otherEngines';
      throw error;
    }
  }

  #invalid(path: string, what: string): BundleError {
    return new BundleError('BUNDLE_INVALID_CHUNK', `the chunk of ${shownText(path)} ${what}; make the bundle again`);
  }
}

function nameOf({ engineProfileId, wasmDigest }: ArtifactKey): string {
  return `${engineProfileId}/${wasmDigest}`;
}
