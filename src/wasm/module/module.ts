import { shownText } from '#core/text';
import { ByteReader } from '../byte-reader.ts';
import { type ConstantOperator, readConstantExpression } from './constant-expression.ts';
import { type ModuleSection, readModuleSections, SectionId } from './sections.ts';
import {
  type DefinedType,
  type Limits,
  readLimits,
  readTableType,
  readTypes,
  readValueType,
  type TableType,
} from './types.ts';

export type ExternKind = 'function' | 'table' | 'memory' | 'global' | 'tag';
const KINDS: readonly ExternKind[] = ['function', 'table', 'memory', 'global', 'tag'];

export interface ModuleImport {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternKind;
}

export interface ModuleExport {
  readonly name: string;
  readonly kind: ExternKind;
  readonly index: number;
}

/** The declarations of a core module. Every list is an index space: imports first, then what the module defines. */
export interface CoreModule {
  readonly bytes: Uint8Array;
  readonly sections: readonly ModuleSection[];
  readonly types: readonly DefinedType[];
  readonly imports: readonly ModuleImport[];
  /** The type index of each function. */
  readonly functions: readonly number[];
  readonly tables: readonly TableType[];
  readonly memories: readonly Limits[];
  readonly globals: number;
  /** The type index of each tag. */
  readonly tags: readonly number[];
  readonly exports: readonly ModuleExport[];
  readonly imported: Readonly<Record<ExternKind, number>>;
}

/** Reads the declarations of a module that an engine has validated. @throws {WasmError} `WASM_MALFORMED` */
export function readModule(bytes: Uint8Array): CoreModule {
  const sections = readModuleSections(bytes);
  const read = <T>(id: number, item: (reader: ByteReader) => T): T[] => {
    const section = sections.find((candidate) => candidate.id === id);
    if (section === undefined) return [];
    const reader = new ByteReader(bytes, section.start, section.end);
    return Array.from({ length: reader.count() }, () => item(reader));
  };
  const typeSection = sections.find(({ id }) => id === SectionId.type);
  const types = typeSection === undefined ? [] : readTypes(new ByteReader(bytes, typeSection.start, typeSection.end));

  const functions: number[] = [];
  const tables: TableType[] = [];
  const memories: Limits[] = [];
  const tags: number[] = [];
  const imported = { function: 0, table: 0, memory: 0, global: 0, tag: 0 };
  const imports = read(SectionId.import, (reader): ModuleImport => {
    const module = reader.name();
    const name = reader.name();
    const kind = KINDS[reader.u8()];
    if (kind === undefined) throw reader.malformed(`import kind of ${shownText(name)} is not known`);
    imported[kind]++;
    if (kind === 'function') functions.push(reader.u32());
    else if (kind === 'table') tables.push(readTableType(reader));
    else if (kind === 'memory') memories.push(readLimits(reader));
    else if (kind === 'global') readGlobalType(reader);
    else tags.push(readTag(reader));
    return { module, name, kind };
  });
  read(SectionId.function, (reader) => functions.push(reader.u32()));
  read(SectionId.table, (reader) => tables.push(readTable(reader).type));
  read(SectionId.memory, (reader) => memories.push(readLimits(reader)));
  read(SectionId.tag, (reader) => tags.push(readTag(reader)));
  const globals = sections.find(({ id }) => id === SectionId.global);
  const defined = globals === undefined ? 0 : new ByteReader(bytes, globals.start, globals.end).count();
  const exports = read(SectionId.export, (reader): ModuleExport => {
    const name = reader.name();
    const kind = KINDS[reader.u8()];
    if (kind === undefined) throw reader.malformed(`export kind of ${shownText(name)} is not known`);
    return { name, kind, index: reader.u32() };
  });
  return {
    bytes,
    sections,
    types,
    imports,
    functions,
    tables,
    memories,
    globals: imported.global + defined,
    tags,
    exports,
    imported,
  };
}

/** Reads a global's type. Returns whether the global is mutable. */
export function readGlobalType(reader: ByteReader): boolean {
  readValueType(reader);
  return reader.u8() === 1;
}

function readTag(reader: ByteReader): number {
  reader.u8();
  return reader.u32();
}

/** Reads a defined table. One with an initialiser begins with 0x40 0x00. */
export function readTable(reader: ByteReader): { type: TableType; initialiser: ConstantOperator[] | undefined } {
  if (reader.bytes[reader.offset] !== 0x40) return { type: readTableType(reader), initialiser: undefined };
  reader.skip(2);
  return { type: readTableType(reader), initialiser: readConstantExpression(reader) };
}
