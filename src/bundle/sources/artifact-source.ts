import { hash } from 'node:crypto';
import type { ArtifactKey, ArtifactStore, ArtifactTrust } from '#core/ports/artifact';
import { blake3 } from '../blake3.ts';
import { ChunkStore } from '../chunks/chunk-store.ts';
import type { Lockfile, ProcessorVersion, TopologyEdge } from '../lockfile/model.ts';
import { ARTIFACT_KIND, artifactPath, COMPONENT_KIND, componentPath, SEAL_KIND, sealPath } from './artifact-layout.ts';
import type { BundleSource, PackedSource } from './bundle-source.ts';

export interface ArtifactSourceOptions {
  readonly store: ArtifactStore;
  readonly producer?: string;
  readonly producerVersion: string;
  /** Components to carry beside the artifacts, so that a machine that trusts no signature can build them itself. */
  readonly components?: Iterable<() => Promise<Uint8Array>>;
  /** Signs an artifact for other machines. Without it, the seal of this machine is carried. */
  readonly sign?: (content: Uint8Array) => Promise<Uint8Array>;
  /** An earlier bundle, whose valid signatures are reused so that equal input gives equal bytes. */
  readonly previous?: { readonly lockfile: Lockfile; readonly folder: string };
  /** Decides whether an earlier signature is still valid. */
  readonly trust?: Pick<ArtifactTrust, 'check'>;
}

/** The artifact cache as a source: one source for each component and artifact, and one for each artifact's seal. */
export class ArtifactSource implements BundleSource {
  readonly producer: string;
  readonly producerVersion: string;
  readonly inputProcessors: readonly ProcessorVersion[] = [{ kind: 'blake3', version: '1.5.0' }];
  readonly leftOut: string[] = [];
  readonly #options: ArtifactSourceOptions;
  readonly #edges: TopologyEdge[] = [];

  constructor(options: ArtifactSourceOptions) {
    this.#options = options;
    this.producer = options.producer ?? 'vivarium';
    this.producerVersion = options.producerVersion;
  }

  async count(): Promise<number> {
    return (await this.#keys()).length * 2 + [...(this.#options.components ?? [])].length;
  }

  async *sources(): AsyncGenerator<PackedSource> {
    const components = new Set<string>();
    for (const read of this.#options.components ?? []) {
      const bytes = await read();
      const path = componentPath(`sha256:${hash('sha256', bytes, 'hex')}`);
      if (components.has(path)) continue;
      components.add(path);
      yield { path, kind: COMPONENT_KIND, chunk: bytes };
    }
    for (const key of await this.#keys()) {
      const stored = await this.#options.store.read(key);
      const path = artifactPath(key);
      if (stored === undefined) {
        this.leftOut.push(`artifact ${path}: it may not be used here, so it is not passed on`);
        continue;
      }
      yield { path, kind: ARTIFACT_KIND, chunk: stored.bytes };
      const input = await blake3(stored.bytes);
      const seal = await this.#seal(key, stored.bytes, stored.seal, input);
      yield { path: sealPath(key), kind: SEAL_KIND, inputHash: input, chunk: seal };
      const component = componentPath(key.wasmDigest);
      if (components.has(component)) this.#edges.push({ from: path, toSource: component });
    }
  }

  topology(): readonly TopologyEdge[] {
    return this.#edges;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #keys(): Promise<readonly ArtifactKey[]> {
    const keys: ArtifactKey[] = [];
    for await (const key of this.#options.store.list()) keys.push(key);
    return keys.toSorted((left, right) => (artifactPath(left) < artifactPath(right) ? -1 : 1));
  }

  async #seal(key: ArtifactKey, content: Uint8Array, own: Uint8Array, input: string): Promise<Uint8Array> {
    const { sign, previous, trust } = this.#options;
    if (sign === undefined) return own;
    const path = sealPath(key);
    const before = previous?.lockfile.sources.find((entry) => entry.path === path && entry.inputHash === input);
    if (previous !== undefined && before !== undefined && trust !== undefined) {
      const seal = await new ChunkStore(previous.folder).read(before.chunkHash).catch(() => undefined);
      // A machine's own seal is valid here but nowhere else. Only JSON text, an envelope, is a signature.
      if (seal?.[0] === 0x7b && (await trust.check(content, seal))) return seal;
    }
    return sign(content);
  }
}
