import { AppendedBody, type Assembly } from '#metering/assembly';
import { coreModule } from '#wasm';
import { GLOBALS_EXPORT, MEMORY_EXPORT } from '../metadata.ts';
import { EMPTY, F64, FUNCREF, I32, I64, Op } from '../opcode.ts';
import type { AddedExport } from './declarations.ts';

/** What metering adds to a module so that the host can bring an instance back to what it held after instantiation. */
export interface Renewal {
  /** The names under which the module exports each memory that it defines. */
  readonly memories: readonly string[];
  readonly exports: readonly AddedExport[];
  /** The definitions of globals that keep the values of the module's mutable globals. */
  readonly globals: readonly Uint8Array[];
}

/** More mutable globals than this are not kept; toolchains make a handful. */
const MOST_KEPT = 1_000;

/** The start of a constant expression that yields each type's default value, by the type's code. */
const DEFAULTS: ReadonlyMap<number, readonly number[]> = new Map([
  [I32, [Op.i32Const, 0]],
  [I64, [Op.i64Const, 0]],
  [0x7d, [0x43, 0, 0, 0, 0]],
  [F64, [Op.f64Const, 0, 0, 0, 0, 0, 0, 0, 0]],
  [0x7b, [Op.vector, 12, ...new Array(16).fill(0)]],
  [FUNCREF, [0xd0, FUNCREF]],
]);

/**
 * Plans the renewal of a module's instances. Returns undefined where code can change what the host cannot bring back: the content or
 * the size of a table, whether a segment was dropped, an object of the garbage-collected heap. The size of a memory can change, which
 * whoever renews an instance must check.
 */
export function renewalOf(assembly: Assembly): Renewal | undefined {
  const { module, plan } = assembly;
  const { dropsSegments, handledTables } = plan.facts;
  if (dropsSegments || handledTables.size > 0 || module.types.some(({ kind }) => kind !== 'function')) return undefined;
  const kept = mutableGlobals(module);
  if (kept === undefined) return undefined;
  const memories = memoryExports(assembly);
  const exports = memories
    .filter(({ isOwn }) => !isOwn)
    .map(({ name, index }) => ({ name, kind: 'memory', index }) as const);
  const names = memories.map(({ name }) => name);
  if (kept.length === 0) return { memories: names, exports, globals: [] };
  const first = assembly.globalIndex(module.globals);
  const index = assembly.appended.index('globals', assembly.types.index([Uint8Array.of(I32)], []), () => {
    const code = new AppendedBody().u8(0).get(0).operators(Op.if, EMPTY);
    kept.forEach(({ index }, at) => {
      code.getGlobal(first + at).setGlobal(assembly.globalIndex(index));
    });
    code.u8(Op.else);
    kept.forEach(({ index }, at) => {
      code.getGlobal(assembly.globalIndex(index)).setGlobal(first + at);
    });
    return code.end().end();
  });
  return {
    memories: names,
    exports: [...exports, { name: GLOBALS_EXPORT, index }],
    globals: kept.map(({ type }) => Uint8Array.of(type, 1, ...(DEFAULTS.get(type) as readonly number[]), Op.end)),
  };
}

/** The mutable globals that a module defines; undefined if there are too many, or one of a type that is not kept. */
function mutableGlobals(
  module: coreModule.CoreModule,
): readonly { readonly index: number; readonly type: number }[] | undefined {
  const kept: { index: number; type: number }[] = [];
  let isKept = true;
  let index = module.imported.global;
  coreModule.itemsOf(module, coreModule.SectionId.global, (reader) => {
    const type = reader.bytes[reader.offset] as number;
    const isMutable = coreModule.readGlobalType(reader);
    coreModule.readConstantExpression(reader);
    if (isMutable) {
      isKept &&= DEFAULTS.has(type);
      kept.push({ index, type });
    }
    index++;
  });
  return isKept && kept.length <= MOST_KEPT ? kept : undefined;
}

/** An export of each memory that the module defines: the module's own, or one that is added. */
function memoryExports({ module }: Assembly): { name: string; index: number; isOwn: boolean }[] {
  const defined = Array.from(
    { length: module.memories.length - module.imported.memory },
    (_, at) => module.imported.memory + at,
  );
  return defined.map((index) => {
    const own = module.exports.find((each) => each.kind === 'memory' && each.index === index);
    return { name: own?.name ?? `${MEMORY_EXPORT}${index}`, index, isOwn: own !== undefined };
  });
}
