import { randomUUID } from 'node:crypto';
import { messageOf } from '#core/errors';
import { DEFAULT_MAX_COMPONENT_BYTES } from '#core/limits';
import { allow, checkOptions } from '#core/options';
import type { Clock } from '#core/ports/clock';
import type { BlobStore, Embedder, ModuleRecord } from '#core/ports/registry';
import { shownText } from '#core/text';
import { wait } from '#core/waiting';
import { digestOf } from '#security/signatures';
import type { Signer } from '#security/signers';
import { readBlob } from './blobs/read-blob.ts';
import { checkEmbedding } from './embedding.ts';
import { RegistryError } from './errors.ts';
import type { IndexBackend } from './index-backend.ts';
import { checkMetadata, type ModuleMetadata } from './metadata.ts';
import { type ModuleTrust, revoked } from './module-trust.ts';
import { isModuleId } from './record.ts';
import { checkSameModule, signAgain } from './sign-again.ts';
import {
  judgementOf,
  PUBLICATION_TYPE,
  publicationOf,
  REVOCATION_TYPE,
  type SignedFields,
  signed,
  VERIFICATION_TYPE,
} from './statement.ts';

/** What a component exports and requires, read from its bytes. */
export interface ModuleInterface {
  readonly interfaceHash: string;
  readonly requiresHash: string;
  /** The names of the imports. */
  readonly requires: readonly string[];
}

/** A component that a runtime has loaded under limits. */
export interface LoadedModule {
  readonly bytes: Uint8Array;
  /** Calls an export: `name`, or `ns:pkg/iface@v#func`. */
  call(name: string, args: readonly unknown[]): Promise<unknown>;
  close(): Promise<void>;
}

/** Throws an error when a module does not do what it should. */
export type ModuleCheck = (module: LoadedModule, signal: AbortSignal) => Promise<void>;

export interface PublisherOptions {
  readonly index: IndexBackend;
  readonly blobs: BlobStore;
  readonly trust: ModuleTrust;
  readonly clock: Clock;
  /** Reads the interface from a component's bytes. */
  readonly inspect: (bytes: Uint8Array) => ModuleInterface;
  /** Loads a component under limits, or throws when it does not load. */
  readonly load: (bytes: Uint8Array, signal: AbortSignal) => Promise<LoadedModule>;
  /** The publisher's key. */
  readonly signer: Signer;
  /** The key that verifies; the publisher's by default. */
  readonly verifier?: Signer | undefined;
  /** Embeds descriptions that have no vector. */
  readonly embedder?: Embedder | undefined;
  /** Milliseconds for loading, and again for the check; 60,000 by default. */
  readonly checkTimeoutMs?: number | undefined;
  /** The largest component in bytes; 256 MiB by default. */
  readonly maxBytes?: number | undefined;
}

export interface PublishOptions {
  /** Runs against the loaded component. Without it, loading successfully is the check. */
  readonly check?: ModuleCheck | undefined;
  readonly signal?: AbortSignal | undefined;
}

const PUBLISHER: allow.OptionRules<PublisherOptions> = {
  index: allow.part('insert', 'get', 'change', 'resign'),
  blobs: allow.part('put', 'get'),
  trust: allow.part('checkPublication'),
  clock: allow.part('now'),
  inspect: allow.func,
  load: allow.func,
  signer: allow.anything,
  verifier: allow.anything,
  embedder: allow.part('embed'),
  checkTimeoutMs: allow.period,
  maxBytes: allow.wholeNumber(1),
};
const PUBLISHER_RULE = allow.required(PUBLISHER, 'index', 'blobs', 'trust', 'clock', 'inspect', 'load', 'signer');

const PUBLISH: allow.OptionRules<PublishOptions> = { check: allow.func, signal: allow.signal };
const PUBLISH_RULE = allow.options(PUBLISH);

/** How often publishing starts again because the blob is being collected at that moment. */
const ATTEMPTS = 5;

/**
 * Publishes components: first the blob, then the record, then the verification. A crash in between leaves nothing that
 * runs.
 */
export class ModulePublisher {
  readonly #options: PublisherOptions;

  /** @throws {CoreError} `CORE_INVALID_OPTION` */
  constructor(options: PublisherOptions) {
    checkOptions(options ?? null, PUBLISHER_RULE);
    this.#options = options;
  }

  /**
   * Publishes a component and has it verified. The same bytes are one module. Publishing them again returns the
   * existing record, continues a pending one, or adds our signatures if the existing ones are not valid here.
   * @throws {RegistryError} `REGISTRY_INVALID_MODULE`, `REGISTRY_INVALID_METADATA`, `REGISTRY_INVALID_EMBEDDING`,
   * `REGISTRY_EMBEDDER_MISMATCH`, `REGISTRY_UNTRUSTED` (the publisher's or verifier's key): nothing was published;
   * `REGISTRY_CHECK_FAILED`: the module stays pending; `REGISTRY_REVOKED`, `REGISTRY_BUSY`, `REGISTRY_UNAVAILABLE`
   */
  async publishModule(
    bytes: Uint8Array,
    metadata: ModuleMetadata,
    options: PublishOptions = {},
  ): Promise<ModuleRecord> {
    checkOptions(options, PUBLISH_RULE);
    const { signal, check } = options;
    checkMetadata(metadata);
    checkOptions(bytes ?? null, allow.bytes, 'bytes', (message) => {
      return new RegistryError('REGISTRY_INVALID_MODULE', message);
    });
    const { maxBytes = DEFAULT_MAX_COMPONENT_BYTES } = this.#options;
    if (bytes.length === 0 || bytes.length > maxBytes) {
      throw new RegistryError(
        'REGISTRY_INVALID_MODULE',
        `the component has ${bytes.length} bytes; give 1 to ${maxBytes}`,
      );
    }
    // Copy the bytes, which the caller may change while we wait: the same bytes must be hashed, checked and stored.
    const own = Uint8Array.from(bytes);
    const module = await this.#load(own, signal);
    try {
      const fields = await this.#describe(own, metadata, signal);
      const record = await this.#store(own, await this.#sign(fields));
      const isTrusted = await this.#isTrusted(record);
      if (isTrusted && record.status === 'verified') return record;
      if (!isTrusted) checkSameModule(record, fields);
      await this.#runCheck(module, check, signal);
      return isTrusted ? await this.#verify(record) : await this.#signAgain(record);
    } finally {
      await module.close();
    }
  }

  /**
   * Adds the publisher's and the verifier's signature to an existing module, after its bytes were checked like those of
   * a new one. This is for a module whose first key was revoked, or is unknown elsewhere.
   * @throws {RegistryError} `REGISTRY_NOT_FOUND`, `REGISTRY_REVOKED`, `REGISTRY_BLOB_MISSING`, `REGISTRY_BLOB_DAMAGED`,
   * `REGISTRY_INVALID_MODULE`, `REGISTRY_BAD_SIGNATURE` (its row was edited), `REGISTRY_CHECK_FAILED`,
   * `REGISTRY_UNTRUSTED`, `REGISTRY_BUSY`, `REGISTRY_UNAVAILABLE`
   */
  async sign(id: string, options: PublishOptions = {}): Promise<ModuleRecord> {
    checkOptions(options, PUBLISH_RULE);
    const { signal, check } = options;
    const record = await this.#known(id);
    if (record.status === 'revoked') throw revoked(record);
    const bytes = await readBlob(this.#options.blobs, record, signal);
    const module = await this.#load(bytes, signal);
    try {
      const { interfaceHash, requiresHash, requires } = this.#options.inspect(bytes);
      checkSameModule(record, { ...record, interfaceHash, requiresHash, requires });
      await this.#runCheck(module, check, signal);
      return await this.#signAgain(record);
    } finally {
      await module.close();
    }
  }

  /** Revokes a module permanently. @throws {RegistryError} `REGISTRY_NOT_FOUND`, `REGISTRY_UNAVAILABLE` */
  async revoke(id: string): Promise<ModuleRecord> {
    const { index, signer } = this.#options;
    for (;;) {
      const record = await this.#known(id);
      if (record.status === 'revoked') return record;
      const revocation = await signed(REVOCATION_TYPE, judgementOf(record), signer);
      await index.change(id, record.status, { status: 'revoked', revocation });
    }
  }

  /** @throws {RegistryError} `REGISTRY_NOT_FOUND` */
  async #known(id: string): Promise<ModuleRecord> {
    const record = isModuleId(id) ? await this.#options.index.get(id) : undefined;
    if (record === undefined) throw new RegistryError('REGISTRY_NOT_FOUND', `no module ${shownText(id)}`);
    return record;
  }

  /** @throws {RegistryError} `REGISTRY_INVALID_MODULE` */
  async #load(bytes: Uint8Array, signal: AbortSignal | undefined): Promise<LoadedModule> {
    let isLate = false;
    const load = async (own: AbortSignal): Promise<LoadedModule> => {
      const module = await this.#options.load(bytes, own);
      if (isLate) await module.close();
      return module;
    };
    try {
      return await this.#bounded('load', load, signal);
    } catch (cause) {
      isLate = true;
      signal?.throwIfAborted();
      const why = cause instanceof RegistryError ? messageOf(cause.cause ?? cause) : messageOf(cause);
      throw new RegistryError(
        'REGISTRY_INVALID_MODULE',
        `the bytes do not load as a component: ${why}; nothing was published`,
        {
          cause,
        },
      );
    }
  }

  async #describe(bytes: Uint8Array, metadata: ModuleMetadata, signal: AbortSignal | undefined): Promise<SignedFields> {
    const { inspect, embedder, clock } = this.#options;
    const { interfaceHash, requiresHash, requires } = inspect(bytes);
    let { embedding, embedderId } = metadata;
    if (embedding === undefined && embedder !== undefined) {
      embedding = await embedder.embed(metadata.description, signal);
      embedderId = embedder.id;
    }
    if (embedding !== undefined) checkEmbedding(embedding);
    const fields: SignedFields = {
      id: randomUUID(),
      storagePointer: digestOf(bytes),
      size: bytes.length,
      interfaceHash,
      requiresHash,
      requires: [...requires].sort(),
      name: metadata.name,
      version: metadata.version,
      description: metadata.description,
      supersedes: metadata.supersedes,
      embedderId,
      embedding: embedding?.slice(),
      createdAt: clock.now(),
    };
    if (metadata.supersedes !== undefined) await this.#checkPredecessor(fields, metadata.supersedes);
    return fields;
  }

  async #checkPredecessor(successor: SignedFields, storagePointer: string): Promise<void> {
    const [known] = await this.#options.index.list({ storagePointer, limit: 1 });
    if (known?.name === successor.name && known.interfaceHash === successor.interfaceHash) return;
    throw new RegistryError(
      'REGISTRY_INVALID_METADATA',
      `supersedes is ${shownText(storagePointer)}, which is not a module named ${shownText(successor.name)} of the same interface; nothing was published`,
    );
  }

  async #sign(fields: SignedFields): Promise<ModuleRecord> {
    const { signer, verifier = signer, trust } = this.#options;
    const signature = await signed(PUBLICATION_TYPE, publicationOf(fields), signer);
    const record: ModuleRecord = { ...fields, status: 'pending', signature, keyId: signer.keyId, useCount: 0 };
    // Do not publish a module that not even this machine would run.
    await trust.checkVerifier(record, verifier);
    return record;
  }

  async #store(bytes: Uint8Array, record: ModuleRecord): Promise<ModuleRecord> {
    const { index, blobs, clock } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      await blobs.put(record.storagePointer, bytes);
      try {
        const stored = await index.insert(record);
        if (stored.storagePointer !== record.storagePointer) {
          throw new RegistryError('REGISTRY_BAD_RECORD', 'the index answered with another module than was inserted');
        }
        // A collection that began before the blob was stored again may have deleted it. From here on none can.
        if ((await blobs.get(record.storagePointer, 1)) === undefined) await blobs.put(record.storagePointer, bytes);
        return stored;
      } catch (error) {
        const isBusy = error instanceof RegistryError && error.code === 'REGISTRY_BUSY';
        if (!isBusy || attempt === ATTEMPTS) throw error;
        await wait(clock, 20 * attempt);
      }
    }
  }

  /** Whether valid keys signed the record. A key that is not valid may have been revoked since. */
  async #isTrusted(record: ModuleRecord): Promise<boolean> {
    const { trust } = this.#options;
    try {
      await (record.status === 'pending' ? trust.checkPublication(record) : trust.check(record));
      return true;
    } catch (error) {
      if (error instanceof RegistryError && error.code === 'REGISTRY_UNTRUSTED') return false;
      throw error;
    }
  }

  async #runCheck(
    module: LoadedModule,
    check: ModuleCheck | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    if (check !== undefined) await this.#bounded('check', (own) => check(module, own), signal);
  }

  async #signAgain(record: ModuleRecord): Promise<ModuleRecord> {
    const { index, trust, signer, verifier = signer } = this.#options;
    const now = await signAgain({ index, trust, signer, verifier }, record, publicationOf(record));
    return now.status === 'pending' ? this.#verify(now) : now;
  }

  async #verify(record: ModuleRecord): Promise<ModuleRecord> {
    const { index, signer, verifier = signer } = this.#options;
    const verification = await signed(VERIFICATION_TYPE, judgementOf(record), verifier);
    await index.change(record.id, 'pending', { status: 'verified', verification });
    // Somebody else may have verified or revoked it meanwhile.
    const now = await index.get(record.id);
    if (now === undefined)
      throw new RegistryError('REGISTRY_NOT_FOUND', `module ${record.id} was evicted meanwhile; publish it again`);
    await this.#options.trust.check(now);
    return now;
  }

  /** Runs `task` with a signal that ends it. When its time is over, a task that ignores the signal is abandoned. */
  async #bounded<T>(
    what: string,
    task: (signal: AbortSignal) => Promise<T>,
    outer: AbortSignal | undefined,
  ): Promise<T> {
    const { clock, checkTimeoutMs = 60_000 } = this.#options;
    outer?.throwIfAborted();
    const controller = new AbortController();
    const ended = Promise.withResolvers<never>();
    const failed = (reason: string, cause?: unknown): RegistryError =>
      new RegistryError('REGISTRY_CHECK_FAILED', `the module's ${what} ${reason}`, { cause });
    const stopTimer = clock.after(checkTimeoutMs, () =>
      ended.reject(failed(`did not end within ${checkTimeoutMs} ms`)),
    );
    const onAbort = (): void => ended.reject(outer?.reason);
    outer?.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([ended.promise, task(controller.signal)]);
    } catch (error) {
      if (outer?.aborted) throw outer.reason;
      throw error instanceof RegistryError ? error : failed(`failed: ${messageOf(error)}`, error);
    } finally {
      stopTimer();
      outer?.removeEventListener('abort', onAbort);
      controller.abort();
    }
  }
}
