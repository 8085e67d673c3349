import { FunctionFlag, type ModuleFacts } from '#metering/survey';
import type { coreModule } from '#wasm';
import { Groups } from './groups.ts';
import { isWide, type TableEntries } from './private-tables.ts';

export interface Conventions {
  /** By defined function: 1 when the counter is passed in the shared cell. */
  readonly cells: Uint8Array;
  readonly privateTables: ReadonlySet<number>;
}

/**
 * Chooses the convention of each function. A tail call replaces the caller's frame, so nothing can run after it: caller
 * and callee must have one convention. Functions that are connected by tail calls, directly or through tables,
 * therefore get the same one.
 */
export function settleConventions(
  module: coreModule.CoreModule,
  facts: ModuleFacts,
  { entries, candidates }: TableEntries,
): Conventions {
  const imported = module.imported.function;
  const cells = new Uint8Array(facts.functions);
  const tainted: number[] = [];
  for (let n = 0; n < facts.functions; n++) {
    const type = module.types[module.functions[n + imported] as number];
    if (facts.has(FunctionFlag.tailCallsUnknown, n) || (type?.kind === 'function' && isWide(type))) tainted.push(n);
  }
  if (tainted.length + facts.tailCalls.length + facts.tailTables.length === 0)
    return { cells, privateTables: candidates };

  const tableNode = (table: number): number => facts.functions + table;
  const groups = new Groups(facts.functions + module.tables.length);
  for (let at = 0; at < facts.tailCalls.length; at += 2)
    groups.join(facts.tailCalls.at(at), facts.tailCalls.at(at + 1));
  const tailTables = new Set<number>();
  for (let at = 0; at < facts.tailTables.length; at += 2) {
    const table = facts.tailTables.at(at + 1);
    groups.join(facts.tailTables.at(at), tableNode(table));
    tailTables.add(table);
  }
  for (const table of tailTables) {
    if (!candidates.has(table)) tainted.push(tableNode(table));
    for (const entry of entries.get(table) ?? []) {
      if (entry >= imported) groups.join(tableNode(table), entry - imported);
      else tainted.push(tableNode(table));
    }
  }
  const lost = new Set(tainted.map((node) => groups.of(node)));
  for (let n = 0; n < facts.functions; n++) if (lost.has(groups.of(n))) cells[n] = 1;
  const privateTables = new Set([...candidates].filter((table) => !lost.has(groups.of(tableNode(table)))));
  return { cells, privateTables };
}
