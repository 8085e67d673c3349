import { randomUUID } from 'node:crypto';
import type { ModuleRecord } from '#core/ports/registry';
import { digestOf } from '#security/signatures';

export const SOME_INTERFACE = 'sha256:'.padEnd(71, 'a');
export const OTHER_INTERFACE = 'sha256:'.padEnd(71, 'b');

/** A record as a publisher would insert it, except that its envelope is signed by nobody: indexes do not look at it. */
export function someRecord(changes: Partial<ModuleRecord> = {}): ModuleRecord {
  return {
    id: randomUUID(),
    storagePointer: digestOf(Buffer.from(randomUUID())),
    size: 1_000,
    interfaceHash: SOME_INTERFACE,
    requiresHash: 'sha256:'.padEnd(71, 'c'),
    requires: [],
    name: 'adder',
    version: '1.0.0',
    description: 'adds two numbers',
    status: 'pending',
    signature: '{}',
    keyId: 'key',
    createdAt: 1_000,
    useCount: 0,
    ...changes,
  };
}

export function embedded(embedding: readonly number[], changes: Partial<ModuleRecord> = {}): ModuleRecord {
  return someRecord({ embedding: Float32Array.from(embedding), embedderId: 'test-embedder', ...changes });
}
