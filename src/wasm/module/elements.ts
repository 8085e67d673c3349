import { ByteReader } from '../byte-reader.ts';
import { Constant, type ConstantOperator, readConstantExpression } from './constant-expression.ts';
import { type CoreModule, readTable } from './module.ts';
import { SectionId } from './sections.ts';
import { readValueType } from './types.ts';

export interface ElementSegment {
  readonly mode: 'active' | 'passive' | 'declared';
  readonly table: number;
  readonly offset: readonly ConstantOperator[];
  /** Function indices, or expressions. */
  readonly items: readonly (number | readonly ConstantOperator[])[];
  readonly byIndex: boolean;
}

export function readElementSegments(module: CoreModule): ElementSegment[] {
  return itemsOf(module, SectionId.element, readElementSegment);
}

function readElementSegment(reader: ByteReader): ElementSegment {
  const flags = reader.u32();
  const mode = (flags & 1) === 0 ? 'active' : (flags & 2) === 0 ? 'passive' : 'declared';
  const table = mode === 'active' && (flags & 2) !== 0 ? reader.u32() : 0;
  const offset = mode === 'active' ? readConstantExpression(reader) : [];
  const typed = (flags & 3) !== 0;
  const byIndex = (flags & 4) === 0;
  if (byIndex && typed) reader.u8();
  if (!byIndex && typed) readValueType(reader);
  const items = Array.from({ length: reader.count() }, () => (byIndex ? reader.u32() : readConstantExpression(reader)));
  return { mode, table, offset, items, byIndex };
}

/** Returns the tables whose initialiser is not a null reference. */
export function initialisedTables(module: CoreModule): number[] {
  let index = module.imported.table;
  return itemsOf(module, SectionId.table, (reader) => {
    const table = index++;
    const { initialiser } = readTable(reader);
    return initialiser !== undefined && initialiser[0]?.opcode !== Constant.refNull ? [table] : [];
  }).flat();
}

/** Reads the vector of a section. */
export function itemsOf<T>(module: CoreModule, id: number, item: (reader: ByteReader) => T): T[] {
  const section = module.sections.find((candidate) => candidate.id === id);
  if (section === undefined) return [];
  const reader = new ByteReader(module.bytes, section.start, section.end);
  return Array.from({ length: reader.count() }, () => item(reader));
}
