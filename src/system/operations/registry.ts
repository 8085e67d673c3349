import { basename, join } from 'node:path';
import { messageOf } from '#core/errors';
import { DEFAULT_MAX_COMPONENT_BYTES, type ResourceLimits, resolveLimits } from '#core/limits';
import { allow, checkOptions } from '#core/options';
import type { BlobInventory, BlobStore, Embedder, ModuleRecord } from '#core/ports/registry';
import { HttpEmbedder, LocalEmbedder } from '#delegation';
import { readRegular } from '#files';
import {
  FileRetiredModules,
  hashesOfComponent,
  hashesOfEmbedded,
  type IndexBackend,
  type LoadedModule,
  ModulePublisher,
  ModuleTrust,
  openBlobs,
  openIndex,
  RegistryClient,
  RegistryError,
  type WorldHashes,
} from '#registry';
import { SecurityError } from '#security';
import { KeyStore, TrustStore, vivariumHome } from '#security/keys';
import type { Signer } from '#security/signers';
import { systemClock } from '../clock.ts';
import { createRuntime } from '../create-runtime.ts';
import type { Runtime } from '../runtime.ts';
import { embedWit } from './wit.ts';

export interface RegistryOptions {
  /** A folder, or a `postgres:` URL; `VIVARIUM_REGISTRY`, or `registry` under the home folder, by default. */
  readonly registry?: string | undefined;
  /** A folder, or `s3://bucket/prefix?endpoint=…`; `blobs` in the registry's folder by default. */
  readonly blobs?: string | undefined;
  /** The folder of keys and trusted keys; `VIVARIUM_HOME` by default. */
  readonly home?: string | undefined;
  /** The limits with which published modules are loaded for their checks. */
  readonly limits?: ResourceLimits | undefined;
  /** Whether a module must be verified by another key than its publisher's. */
  readonly separateVerifier?: boolean | undefined;
  /** Called for each module that was found but refused. */
  readonly refused?: ((error: RegistryError, record: ModuleRecord) => void) | undefined;
}

export interface PublisherKeys {
  /** The name of the publisher's private key; by default, the only key that there is. */
  readonly key?: string | undefined;
  /** The name of the verifier's private key; the publisher's by default. */
  readonly verifier?: string | undefined;
  readonly embedder?: Embedder | undefined;
}

const REGISTRY: allow.OptionRules<RegistryOptions> = {
  registry: allow.path,
  blobs: allow.path,
  home: allow.path,
  limits: allow.anything,
  separateVerifier: allow.flag,
  refused: allow.func,
};
const KEYS: allow.OptionRules<PublisherKeys> = {
  key: allow.text,
  verifier: allow.text,
  embedder: allow.part('embed'),
};
const REGISTRY_RULE = allow.options(REGISTRY);
const KEYS_RULE = allow.options(KEYS);

/** A registry with this user's keys, and a runtime in which modules are checked. */
export class OpenRegistry implements AsyncDisposable {
  readonly client: RegistryClient;
  readonly #index: IndexBackend;
  readonly #blobs: BlobStore & BlobInventory;
  readonly #trust: ModuleTrust;
  readonly #keys: KeyStore;
  readonly #limits: ResourceLimits;
  #runtime: Promise<Runtime> | undefined;

  constructor(index: IndexBackend, blobs: BlobStore & BlobInventory, home: string, options: RegistryOptions) {
    const clock = systemClock;
    this.#index = index;
    this.#blobs = blobs;
    this.#keys = new KeyStore(home);
    this.#limits = options.limits ?? {};
    const { separateVerifier, refused } = options;
    this.#trust = new ModuleTrust({ keys: new TrustStore(home, clock), clock, separateVerifier });
    const retired = new FileRetiredModules(join(home, 'registry-seen.txt'));
    this.client = new RegistryClient({ index, blobs, trust: this.#trust, clock, retired, refused });
  }

  /** @throws `SECURITY_KEY_NOT_FOUND` if no key is named and the user does not have exactly one */
  async publisher(keys: PublisherKeys = {}): Promise<ModulePublisher> {
    checkOptions(keys, KEYS_RULE);
    const { key, verifier, embedder } = keys;
    return new ModulePublisher({
      index: this.#index,
      blobs: this.#blobs,
      trust: this.#trust,
      clock: systemClock,
      inspect: (bytes) => hashesOfComponent(bytes),
      load: (bytes, signal) => this.#load(bytes, signal),
      signer: await this.#signer(key),
      verifier: verifier === undefined ? undefined : await this.#signer(verifier),
      embedder,
    });
  }

  async close(): Promise<void> {
    await (await this.#runtime)?.close();
    await this.#index.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #load(bytes: Uint8Array, signal: AbortSignal): Promise<LoadedModule> {
    this.#runtime ??= createRuntime({ limits: this.#limits });
    const runtime = await this.#runtime;
    const handle = await runtime.load(bytes, { signal });
    return {
      bytes,
      call: (name, args) => runtime.call(handle, name, ...args),
      close: () => runtime.unload(handle),
    };
  }

  async #signer(name: string | undefined): Promise<Signer> {
    if (name !== undefined) return this.#keys.signer(name);
    const names = await this.#keys.names();
    const [only] = names;
    if (only !== undefined && names.length === 1) return this.#keys.signer(only);
    const why =
      only === undefined
        ? "there is no private key; make one with 'viv key new NAME'"
        : `name one of ${names.join(', ')}`;
    throw new SecurityError('SECURITY_KEY_NOT_FOUND', `modules are signed, and no key is named: ${why}`);
  }
}

/**
 * @throws `CORE_INVALID_OPTION`, `CORE_INVALID_LIMITS`, `REGISTRY_INVALID_URL`, `REGISTRY_UNAVAILABLE`, `REGISTRY_REFUSED`,
 * `REGISTRY_MISSING_PEER`, `REGISTRY_SCHEMA`
 */
export async function openRegistry(options: RegistryOptions = {}): Promise<OpenRegistry> {
  checkOptions(options, REGISTRY_RULE);
  resolveLimits(options.limits);
  const home = options.home ?? vivariumHome();
  const folder = join(home, 'registry');
  const registry = options.registry ?? (process.env.VIVARIUM_REGISTRY || folder);
  const isFolder = !/^[a-z][a-z0-9+.-]+:/i.test(registry);
  const blobs = await openBlobs(options.blobs ?? join(isFolder ? registry : folder, 'blobs'), systemClock);
  return new OpenRegistry(await openIndex(registry, systemClock), blobs, home, options);
}

/**
 * Returns the interface hashes of a component or of a WIT text, over all its exports or over one function.
 * @param file a component, or a `.wit` file
 * @throws `REGISTRY_INVALID_QUERY`, `WASM_…`
 */
export async function interfaceOf(
  file: string,
  select: { world?: string; function?: string } = {},
): Promise<WorldHashes> {
  let bytes: Uint8Array;
  try {
    bytes = await readRegular(file, DEFAULT_MAX_COMPONENT_BYTES, { links: 'follow' });
  } catch (cause) {
    throw new RegistryError('REGISTRY_INVALID_QUERY', `${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
  if (!file.endsWith('.wit')) return hashesOfComponent(bytes, select.function);
  return hashesOfEmbedded(await embedWit(basename(file), bytes, select.world), select.function);
}

/** Opens an embedder. @param address `local` (a model from npm packages), or the URL of an OpenAI-compatible API with the model as `#name` */
export async function openEmbedder(address: string, apiKey?: string): Promise<Embedder> {
  if (address === 'local') return new LocalEmbedder();
  const [url = '', model = ''] = address.split('#', 2);
  return new HttpEmbedder({ url, model, apiKey });
}
