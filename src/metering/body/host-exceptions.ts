import type { coreModule } from '#wasm';

/**
 * Bytes that V8 allocates for an error thrown by a host function, with a trace of ten frames: 544 on Node 26 and 704 on
 * Node 24, measured with 200,000 of them in a table.
 */
export const HOST_EXCEPTION_BYTES = 704;

const NUMBER_TYPES: ReadonlySet<number> = new Set([0x7f, 0x7e, 0x7d, 0x7c, 0x7b]);

/** Tags that the module shares with the host. The host may throw them with a reference of its own in the payload. */
export function sharedTags(module: coreModule.CoreModule): ReadonlySet<number> {
  const shared = new Set<number>();
  const exported = new Set(module.exports.flatMap(({ kind, index }) => (kind === 'tag' ? [index] : [])));
  for (const [tag, typeIndex] of module.tags.entries()) {
    if (tag >= module.imported.tag && !exported.has(tag)) continue;
    const type = module.types[typeIndex];
    const numbers = type?.kind === 'function' && type.parameters.every(({ bytes }) => NUMBER_TYPES.has(bytes[0] ?? 0));
    if (!numbers) shared.add(tag);
  }
  return shared;
}

/**
 * Whether a clause of `try_table` may pass on an exception that a host made. Only a clause that names a tag of the
 * module's own cannot. A guest that keeps such a reference keeps host memory that nothing else charges.
 */
export function mayKeepHosts(kind: number, tag: number, shared: ReadonlySet<number>): boolean {
  return kind === CATCH_ALL_REF || (kind < 2 && shared.has(tag));
}

const CATCH_ALL_REF = 3;
