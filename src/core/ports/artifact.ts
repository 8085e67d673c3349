import type { MeteringMode } from './meter.ts';

/** What must be equal for an artifact to be usable: the engine profile and the component's bytes. */
export interface ArtifactKey {
  /** SHA-256 in hex over the fields of the engine profile. */
  readonly engineProfileId: string;
  /** `sha256:` and 64 hex digits. */
  readonly wasmDigest: string;
}

/** A component made ready for this engine: generated JavaScript and metered core modules. */
export interface Artifact {
  /** The module's text as the transpiler wrote it. Runs with the host's rights: trust it like code. */
  readonly javascript: string;
  readonly coreModules: readonly CoreModuleArtifact[];
  /** Interfaces that the component imports, as `wasi:cli/exit@0.2.3`. */
  readonly imports: readonly string[];
  readonly exports: readonly ArtifactExport[];
  readonly meteringMode: MeteringMode;
  /**
   * How the runtime calls it, in the runtime's own JSON: found at the build, so that a start needs not. Holds code, like
   * `javascript`. Without it the runtime finds it again.
   */
  readonly callPlan?: string | undefined;
}

export interface CoreModuleArtifact {
  /** The name by which the generated JavaScript asks for it. */
  readonly name: string;
  /** Metered bytes. */
  readonly bytes: Uint8Array;
}

export interface ArtifactExport {
  readonly name: string;
  readonly kind: 'function' | 'instance';
}

/** An artifact whose modules V8 has compiled; shared by every instance. */
export interface CompiledArtifact {
  readonly artifact: Artifact;
  readonly modules: ReadonlyMap<string, WebAssembly.Module>;
}

/** Gives the compiled artifact of a component, building it at most once however many ask. */
export interface ArtifactCache {
  /**
   * @param build makes the artifact; called only on a miss. Its signal is aborted once every caller has given up.
   * @param signal ends this caller's wait only: others who asked for the same key still get it.
   * @param origin absolute path of the file that the component was read from, so that another engine finds it again
   */
  get(
    key: ArtifactKey,
    build: (signal?: AbortSignal) => Promise<Artifact>,
    signal?: AbortSignal,
    origin?: string,
  ): Promise<CompiledArtifact>;
  /** What is there already. Of a cache without it, a component that is named by its digest is read each time. */
  find?(key: ArtifactKey): Promise<CompiledArtifact | undefined>;
}

/** Turns a component's bytes into an artifact, off the event loop. */
export interface ArtifactBuilder {
  /** The fields of the configuration that change what is built, for the engine profile. */
  readonly fingerprint: Readonly<Record<string, string>>;
  /** @throws `RUNTIME_INVALID_COMPONENT`, `RUNTIME_ABORTED` */
  build(component: Uint8Array, meteringMode: MeteringMode, signal?: AbortSignal): Promise<Artifact>;
  close(): Promise<void>;
}

/**
 * Where an artifact's right to run comes from: this machine's seal, or a trusted key's signature.
 *
 * `content` is whatever the right depends on; sealing the digest of an artifact together with its key is as good as
 * sealing all of its bytes.
 */
export interface ArtifactTrust {
  /**
   * The seal of this machine over what it produced itself; 33 bytes.
   * @throws `SECURITY_STORE_FAILED`, `SECURITY_UNSAFE_FILE` when the machine's secret cannot be kept or used
   */
  seal(content: Uint8Array): Promise<Uint8Array>;
  /**
   * Whether the seal (or signature) stands for this content now. Any bytes may be given as a seal.
   * @throws `SECURITY_STORE_FAILED`, `SECURITY_UNSAFE_FILE`, `SECURITY_KEY_INVALID` when that cannot be decided: the
   * content is not to be used then either
   */
  check(content: Uint8Array, seal: Uint8Array): Promise<boolean>;
}

/** One stored artifact as the portable cache carries it. */
export interface StoredArtifact {
  readonly key: ArtifactKey;
  /** The artifact in the cache's file format, its key included and its seal left out: what a seal or signature covers. */
  readonly bytes: Uint8Array;
  /** What lets it run: the machine's seal when read here; to import one, a signature by a key that this machine trusts. */
  readonly seal: Uint8Array;
}

/** Lists, reads and imports artifacts: what the portable cache carries. */
export interface ArtifactStore {
  list(): AsyncIterable<ArtifactKey>;
  /** The artifact, or undefined when there is none that may be used. */
  read(key: ArtifactKey): Promise<StoredArtifact | undefined>;
  /** Keeps an artifact made elsewhere. @throws `CACHE_UNTRUSTED`, `CACHE_INVALID_ARTIFACT`, `CACHE_UNAVAILABLE` */
  import(artifact: StoredArtifact): Promise<void>;
}
