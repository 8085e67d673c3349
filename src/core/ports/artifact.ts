import type { MeteringMode } from './meter.ts';

/** What must be equal for an artifact to be usable: the engine profile and the component's bytes. */
export interface ArtifactKey {
  /** The SHA-256 in hex of the fields of the engine profile. */
  readonly engineProfileId: string;
  /** `sha256:` and 64 hex digits. */
  readonly wasmDigest: string;
}

/** A component that was built for this engine: generated JavaScript and metered core modules. */
export interface Artifact {
  /** The transpiler's JavaScript module. It runs with the host's rights, so trust it like code. */
  readonly javascript: string;
  readonly coreModules: readonly CoreModuleArtifact[];
  /** The interfaces that the component imports, such as `wasi:cli/exit@0.2.3`. */
  readonly imports: readonly string[];
  readonly exports: readonly ArtifactExport[];
  readonly meteringMode: MeteringMode;
  /**
   * How the runtime calls the component, in the runtime's own JSON. The build computes it, so that a start need not;
   * without it the runtime computes it again. It contains code, like `javascript`.
   */
  readonly callPlan?: string | undefined;
}

export interface CoreModuleArtifact {
  /** The name by which the generated JavaScript requests the module. */
  readonly name: string;
  /** The metered bytes. */
  readonly bytes: Uint8Array;
}

export interface ArtifactExport {
  readonly name: string;
  readonly kind: 'function' | 'instance';
}

/** An artifact with modules that V8 has compiled. All instances share them. */
export interface CompiledArtifact {
  readonly artifact: Artifact;
  readonly modules: ReadonlyMap<string, WebAssembly.Module>;
}

/** Supplies the compiled artifact of a component, and builds it at most once for any number of callers. */
export interface ArtifactCache {
  /**
   * @param build makes the artifact; called only on a miss. Its signal is aborted when every caller has given up.
   * @param signal ends only this caller's wait: other callers with the same key still get the artifact
   * @param origin the absolute path of the component's file, so that another engine finds the file again
   */
  get(
    key: ArtifactKey,
    build: (signal?: AbortSignal) => Promise<Artifact>,
    signal?: AbortSignal,
    origin?: string,
  ): Promise<CompiledArtifact>;
  /**
   * Returns an existing artifact. With a cache that lacks this method, a component that is named by digest is read each
   * time.
   */
  find?(key: ArtifactKey): Promise<CompiledArtifact | undefined>;
}

/** Builds an artifact from a component's bytes, off the event loop. */
export interface ArtifactBuilder {
  /** The fields of the configuration that change what is built, for the engine profile. */
  readonly fingerprint: Readonly<Record<string, string>>;
  /** @throws `RUNTIME_INVALID_COMPONENT`, `RUNTIME_ABORTED` */
  build(component: Uint8Array, meteringMode: MeteringMode, signal?: AbortSignal): Promise<Artifact>;
  close(): Promise<void>;
}

/**
 * Decides whether an artifact may run: by this machine's seal, or by a trusted key's signature.
 *
 * `content` is what this decision covers. Sealing the digest of an artifact together with its key is as good as sealing
 * all its bytes.
 */
export interface ArtifactTrust {
  /**
   * Seals what this machine built itself; a seal has 33 bytes.
   * @throws `SECURITY_STORE_FAILED`, `SECURITY_UNSAFE_FILE` when the machine's secret cannot be stored or used
   */
  seal(content: Uint8Array): Promise<Uint8Array>;
  /**
   * Whether the seal (or signature) is valid for this content now. Any bytes may be given as a seal.
   * @throws `SECURITY_STORE_FAILED`, `SECURITY_UNSAFE_FILE`, `SECURITY_KEY_INVALID` when this cannot be decided: the
   * content must not be used then either
   */
  check(content: Uint8Array, seal: Uint8Array): Promise<boolean>;
}

/** A stored artifact in the form that the portable cache carries. */
export interface StoredArtifact {
  readonly key: ArtifactKey;
  /** The artifact in the cache's file format, with its key and without its seal: what a seal or signature covers. */
  readonly bytes: Uint8Array;
  /**
   * What lets it run: this machine's seal when it is read here; a signature by a key that this machine trusts when it
   * is imported.
   */
  readonly seal: Uint8Array;
}

/** Lists, reads and imports artifacts for the portable cache. */
export interface ArtifactStore {
  list(): AsyncIterable<ArtifactKey>;
  /** Reads an artifact; undefined when there is none that may be used. */
  read(key: ArtifactKey): Promise<StoredArtifact | undefined>;
  /** Stores an artifact from elsewhere. @throws `CACHE_UNTRUSTED`, `CACHE_INVALID_ARTIFACT`, `CACHE_UNAVAILABLE` */
  import(artifact: StoredArtifact): Promise<void>;
}
