import type { coreModule } from '#wasm';

/** The parts of an instance: the objects that V8 makes before any of the guest's code runs. */
export interface InstanceParts {
  readonly imports: number;
  readonly exportedFunctions: number;
  /** The number of exported memories, tables, globals and tags. */
  readonly otherExports: number;
  /** The number of functions and globals that the module defines, with the globals that metering adds for those that it keeps. */
  readonly declarations: number;
  readonly memories: number;
  readonly tables: number;
}

/**
 * Host bytes that one part of each kind takes, apart from what memories and tables hold. Each is at least the value
 * measured on Node 24 and 26, and `test/metering/instance-parts.test.ts` repeats the measurement.
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

/** Host bytes that a store's instances may take without a charge. Ordinary components need less. */
export const FREE_PART_BYTES = 262_144;

/** @param kept how many globals metering adds to keep others */
export function partsOf(module: coreModule.CoreModule, kept: number = 0): InstanceParts {
  const { imported, exports } = module;
  const exportedFunctions = exports.filter(({ kind }) => kind === 'function').length;
  const declarations = module.functions.length - imported.function + module.globals - imported.global + kept;
  return {
    imports: module.imports.length,
    exportedFunctions,
    otherExports: exports.length - exportedFunctions,
    declarations,
    memories: module.memories.length - imported.memory,
    tables: module.tables.length - imported.table,
  };
}

/** Counts the parts that V8 makes one by one, each in about a microsecond. */
export function countParts(parts: InstanceParts): number {
  return 1 + parts.imports + parts.exportedFunctions + parts.otherExports + parts.memories + parts.tables;
}

export function partBytes(parts: InstanceParts): number {
  let bytes = BYTES.instance;
  for (const kind of Object.keys(parts) as (keyof InstanceParts)[]) bytes += parts[kind] * BYTES[kind];
  return bytes;
}
