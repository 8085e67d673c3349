import type { coreModule } from '#wasm';

/** How many parts an instance of a module has: what V8 makes before any of the guest's code runs. */
export interface InstanceParts {
  readonly imports: number;
  readonly exportedFunctions: number;
  /** Exported memories, tables, globals and tags. */
  readonly otherExports: number;
  /** Functions and globals of its own. */
  readonly declarations: number;
  readonly memories: number;
  readonly tables: number;
}

/**
 * Bytes that one of each takes of the host, beside what memories and tables hold: at least what was measured on Node 24
 * and 26, which `test/metering/instance-parts.test.ts` repeats.
 */
const BYTES: Readonly<Record<keyof InstanceParts | 'instance', number>> = {
  instance: 1_024,
  imports: 32,
  exportedFunctions: 480,
  otherExports: 320,
  declarations: 16,
  memories: 512,
  tables: 512,
};

/** What the host takes for a store's instances without charging it: ordinary components have less. */
export const FREE_PART_BYTES = 262_144;

export function partsOf(module: coreModule.CoreModule): InstanceParts {
  const { imported, exports } = module;
  const exportedFunctions = exports.filter(({ kind }) => kind === 'function').length;
  const declarations = module.functions.length - imported.function + module.globals - imported.global;
  return {
    imports: module.imports.length,
    exportedFunctions,
    otherExports: exports.length - exportedFunctions,
    declarations,
    memories: module.memories.length - imported.memory,
    tables: module.tables.length - imported.table,
  };
}

/** What V8 makes one by one, each in about a microsecond. */
export function countParts(parts: InstanceParts): number {
  return 1 + parts.imports + parts.exportedFunctions + parts.otherExports + parts.memories + parts.tables;
}

export function partBytes(parts: InstanceParts): number {
  let bytes = BYTES.instance;
  for (const kind of Object.keys(parts) as (keyof InstanceParts)[]) bytes += parts[kind] * BYTES[kind];
  return bytes;
}
