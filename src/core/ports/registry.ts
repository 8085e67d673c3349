/** `pending` until its checks passed, `verified` by a second signature, `revoked` for good. */
export type ValidationStatus = 'pending' | 'verified' | 'revoked';

/** A published component as the index keeps it. Everything but the counters stands in a signed envelope. */
export interface ModuleRecord {
  /** UUID. */
  readonly id: string;
  /** Digest of the bytes, `sha256:` and 64 hex digits, and the key under which a blob store has them. */
  readonly storagePointer: string;
  readonly size: number;
  /** Over names and types of the exports. */
  readonly interfaceHash: string;
  /** Over names and types of the imports. */
  readonly requiresHash: string;
  /** Names of the imports, sorted. */
  readonly requires: readonly string[];
  readonly name: string;
  readonly version: string;
  readonly description: string;
  /** Storage pointer of the module of the same interface that this one replaces. */
  readonly supersedes?: string | undefined;
  /** Which embedder made the vector. */
  readonly embedderId?: string | undefined;
  readonly embedding?: Float32Array | undefined;
  readonly status: ValidationStatus;
  /** The publisher's DSSE envelope, as JSON. */
  readonly signature: string;
  /** Key id of a signature of that envelope, the last that was added. A hint. */
  readonly keyId: string;
  /** The verifier's DSSE envelope, as JSON. Without it a `verified` in the row is worth nothing. */
  readonly verification?: string | undefined;
  /** The envelope of whoever revoked it, as JSON. */
  readonly revocation?: string | undefined;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly lastUsedAt?: number | undefined;
  readonly useCount: number;
}

export interface ModuleQuery {
  readonly interfaceHash: string;
  /** The meaning that is looked for. Without one the newest verified module is the answer. */
  readonly embedding?: Float32Array | undefined;
  /** Which embedder made the vector; another than the index's is an error. */
  readonly embedderId?: string | undefined;
  /** Least cosine similarity, -1 to 1; 0.95 by default. */
  readonly threshold?: number | undefined;
  /** Imports that can be met; a module that asks for another is passed over. Left out: whatever it asks for. */
  readonly provided?: readonly string[] | undefined;
  /** Most matches; 1 by default. */
  readonly limit?: number | undefined;
}

export interface ModuleMatch {
  readonly record: ModuleRecord;
  /** Cosine similarity; absent when no embedding was asked for. */
  readonly similarity?: number | undefined;
}

/** Keeps records and finds them. What it gives back is not trusted: its reader checks the signatures. */
export interface ModuleIndex {
  /** Inserts the record, or gives back the one that already stands for the same bytes. */
  insert(record: ModuleRecord): Promise<ModuleRecord>;
  get(id: string): Promise<ModuleRecord | undefined>;
  /**
   * Verified modules that no other supersedes, best first: by similarity when an embedding is given, newest first
   * otherwise; ties by use count, then age, then id. A vector that cannot be compared matches nothing.
   */
  find(query: ModuleQuery): Promise<readonly ModuleMatch[]>;
}

/** Immutable bytes under their digest. */
export interface BlobStore {
  /** Stores the bytes durably; storing them again makes them young again. */
  put(pointer: string, bytes: Uint8Array): Promise<void>;
  /** The bytes, unchecked, or undefined when there are none. Reads `maxBytes` at most. */
  get(pointer: string, maxBytes: number, signal?: AbortSignal): Promise<Uint8Array | undefined>;
}

/** What garbage collection needs of a blob store. */
export interface BlobInventory {
  /** Every blob with the time of its last `put`, milliseconds since 1970. */
  list(): AsyncIterable<{ readonly pointer: string; readonly storedAt: number }>;
  delete(pointer: string): Promise<void>;
}

export interface FetchedModule {
  readonly record: ModuleRecord;
  /** Ids of the trusted, valid keys that signed the publication. */
  readonly signers?: readonly string[] | undefined;
  /** The very bytes that were checked; nobody else holds them. */
  readonly bytes: Uint8Array;
}

/** How a call that the registry was asked about ended. */
export interface LookupOutcome {
  /** Hash of the request, 64 hex digits. */
  readonly requestHash: string;
  readonly interfaceHash: string;
  /** `hit`: a module answered. `miss`: none fitted. `refused`: one fitted that was not trusted. `failed`: it ran and failed. */
  readonly outcome: 'hit' | 'miss' | 'refused' | 'failed';
  readonly moduleId?: string | undefined;
  /** From decision to answer. */
  readonly elapsedMs: number;
}

/** What a registry's client did since it was made. */
export interface RegistryMetrics {
  readonly queries: number;
  /** Queries that found a trusted module. */
  readonly matched: number;
  /** Modules that were found, or fetched, and not trusted. */
  readonly refused: number;
  readonly fetches: number;
  readonly fetchedBytes: number;
  /** Queries and fetches that failed for another reason than trust. */
  readonly failures: number;
}

/** Finds published components and fetches them, trusted ones only. */
export interface ModuleRegistry {
  /** Trusted matches, best first. @throws `REGISTRY_…` */
  query(query: ModuleQuery): Promise<readonly ModuleMatch[]>;
  /** Verified bytes of a trusted module. @throws `REGISTRY_…` */
  fetch(id: string, signal?: AbortSignal): Promise<FetchedModule>;
  /** Logs how a lookup ended. */
  record(outcome: LookupOutcome): Promise<void>;
  /** What it did so far, where it counts. */
  metrics?(): RegistryMetrics;
}

/** Turns text into a vector of its meaning. */
export interface Embedder {
  /** Names the model and its version: vectors of different ids cannot be compared. */
  readonly id: string;
  embed(text: string, signal?: AbortSignal): Promise<Float32Array>;
}

export interface ModelMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface ModelRequest {
  readonly model: string;
  readonly messages: readonly ModelMessage[];
  readonly maxTokens?: number | undefined;
  readonly temperature?: number | undefined;
}

export interface ModelReply {
  readonly text: string;
  /** Tokens that were read and written, when the provider says. */
  readonly inputTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
}

/** A language model, wherever it runs. */
export interface ModelProvider {
  complete(request: ModelRequest, signal?: AbortSignal): Promise<ModelReply>;
}
