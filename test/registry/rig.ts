import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { onTestFinished } from 'vitest';
import type { BlobInventory, BlobStore, ModuleRecord } from '#core/ports/registry';
import {
  FolderBlobStore,
  type IndexBackend,
  type ModuleMetadata,
  ModulePublisher,
  ModuleTrust,
  RegistryClient,
  type RegistryError,
  SqliteModuleIndex,
} from '#registry';
import { Signer, type TrustedKey, trustedKeysOf } from '#security/signers';
import { TestClock } from '../../src/testing/clock.ts';
import { scratchFolder } from '../security/scratch.ts';
import { SOME_INTERFACE } from './module-records.ts';

type ModuleTrustOptions = ConstructorParameters<typeof ModuleTrust>[0];
type PublisherOptions = ConstructorParameters<typeof ModulePublisher>[0];
type RegistryClientOptions = ConstructorParameters<typeof RegistryClient>[0];

export const metadata: ModuleMetadata = {
  name: 'adder',
  version: '1.0.0',
  description: 'adds two numbers',
  embedding: Float32Array.of(1, 2),
  embedderId: 'test-embedder',
};

/** A registry in a folder of the test's own, with real keys, index and blobs. */
export interface Rig {
  readonly folder: string;
  readonly clock: TestClock;
  readonly index: IndexBackend;
  readonly blobs: BlobStore & BlobInventory;
  readonly signer: Signer;
  readonly refused: { code: string; id: string }[];
  /** Keys that are trusted; a test may add, change and remove. */
  readonly keys: Map<string, TrustedKey>;
  trusting(signer: Signer, changes?: Partial<TrustedKey>): void;
  /** What the rig's own trust is made of. */
  trustParts(): ModuleTrustOptions;
  publisher(changes?: Partial<PublisherOptions>): ModulePublisher;
  client(changes?: Partial<RegistryClientOptions>, trust?: Partial<ModuleTrustOptions>): RegistryClient;
  publish(text: string, changes?: Partial<ModuleMetadata>): Promise<ModuleRecord>;
  /** A change that somebody makes in the database by hand. */
  tamper(sql: string, ...values: (string | number | Uint8Array | null)[]): void;
}

/**
 * Loading and reading interfaces are the runtime's and the component reader's: here, stand-ins that take any bytes as a
 * component of one interface, except those that begin with `bad`.
 */
export const standIns: Pick<PublisherOptions, 'inspect' | 'load'> = {
  inspect: () => ({ interfaceHash: SOME_INTERFACE, requiresHash: 'sha256:'.padEnd(71, 'c'), requires: ['b', 'a'] }),
  load: async (bytes) => {
    if (Buffer.from(bytes).toString().startsWith('bad')) throw new Error('not a component');
    return { bytes, call: async (name) => name, close: async () => undefined };
  },
};

export async function createRig(parts: { index?: IndexBackend; blobs?: BlobStore & BlobInventory } = {}): Promise<Rig> {
  const folder = scratchFolder();
  const clock = new TestClock();
  const path = join(folder, 'index.db');
  const index = parts.index ?? (await SqliteModuleIndex.open({ path, clock }));
  if (parts.index === undefined) onTestFinished(() => index.close());
  const blobs = parts.blobs ?? new FolderBlobStore(join(folder, 'blobs'), clock);
  const signer = Signer.generate();
  const keys = new Map<string, TrustedKey>();
  const refused: { code: string; id: string }[] = [];
  const trusted = { find: (keyId: string) => trustedKeysOf([...keys.values()]).find(keyId) };
  const trustFor = (changes: Partial<ModuleTrustOptions> = {}): ModuleTrust =>
    new ModuleTrust({ keys: trusted, clock, ...changes });
  const rig: Rig = {
    folder,
    clock,
    index,
    blobs,
    signer,
    refused,
    keys,
    trusting: (one, changes = {}) => {
      const { keyId, publicKey } = one;
      keys.set(keyId, { keyId, publicKey, name: keyId.slice(0, 8), addedAt: 0, ...changes });
    },
    trustParts: () => ({ keys: trusted, clock }),
    publisher: (changes = {}) =>
      new ModulePublisher({ index, blobs, trust: trustFor(), clock, signer, ...standIns, ...changes }),
    client: (changes = {}, trust = {}) =>
      new RegistryClient({
        index,
        blobs,
        trust: trustFor(trust),
        clock,
        refused: ({ code }: RegistryError, { id }) => void refused.push({ code, id }),
        ...changes,
      }),
    publish: (text, changes = {}) => rig.publisher().publishModule(Buffer.from(text), { ...metadata, ...changes }),
    tamper: (sql, ...values) => {
      const database = new DatabaseSync(path, { timeout: 300_000 });
      database.prepare(sql).run(...values);
      database.close();
    },
  };
  rig.trusting(signer);
  return rig;
}
