import type { ModuleFacts } from '#metering/survey';
import { coreModule } from '#wasm';

const { Constant } = coreModule;

/** The most parameters or results that engines accept. */
export const MOST_VALUES = 1000;

/** What the module's own active segments put into tables, and which tables nothing else can fill. */
export interface TableEntries {
  readonly entries: ReadonlyMap<number, readonly number[]>;
  readonly candidates: Set<number>;
}

/**
 * Finds the tables that only the module's own active segments fill, with functions of plain types, and their contents.
 */
export function readTableEntries(module: coreModule.CoreModule, facts: ModuleFacts): TableEntries {
  const entries = new Map<number, number[]>();
  const candidates = new Set<number>();
  for (let table = module.imported.table; table < module.tables.length; table++) {
    const { element } = module.tables[table] as coreModule.TableType;
    if (element.bytes.length === 1 && element.bytes[0] === 0x70) candidates.add(table);
  }
  for (const { kind, index } of module.exports) if (kind === 'table') candidates.delete(index);
  for (const table of facts.handledTables) candidates.delete(table);
  for (const [table, types] of facts.calledTypes) {
    for (const type of types) if (!isPlain(module, type)) candidates.delete(table);
  }
  for (const table of coreModule.initialisedTables(module)) candidates.delete(table);
  for (const segment of coreModule.readElementSegments(module)) {
    if (segment.mode !== 'active') continue;
    const held = entries.get(segment.table) ?? [];
    entries.set(segment.table, held);
    for (let n = 0; n < segment.items.length; n++) {
      const item = segment.items[n] as (typeof segment.items)[number];
      const index = typeof item === 'number' ? item : item[0]?.opcode === Constant.refFunc ? item[0].index : undefined;
      if (index !== undefined && isPlain(module, module.functions[index] as number)) held.push(index);
      else if (index !== undefined || typeof item === 'number' || item[0]?.opcode !== Constant.refNull) {
        candidates.delete(segment.table);
      }
    }
  }
  return { entries, candidates };
}

/** Whether the counter can be added to a type without making it equal to another type. */
function isPlain(module: coreModule.CoreModule, index: number): boolean {
  const type = module.types[index];
  return type?.kind === 'function' && type.plain && !isWide(type);
}

/** Whether the type has no space left for the counter. */
export function isWide({ parameters, results }: coreModule.FunctionType): boolean {
  return parameters.length >= MOST_VALUES || results.length >= MOST_VALUES;
}
