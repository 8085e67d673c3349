import { type Assembly, rewriteExpression } from '#metering/assembly';
import type { DataSegments } from '#metering/startup';
import { type ByteReader, ByteWriter, coreModule } from '#wasm';

/** What is exported in addition to the module's own exports. */
export interface AddedExport {
  readonly name: string;
  /** A function if it is absent. */
  readonly kind?: 'memory';
  readonly index: number;
}

/** Writes the payload of each section that declares things. All functions and types must be appended before. */

export function typeSection({ types }: Assembly, reader: ByteReader | undefined): Uint8Array {
  const count = reader?.u32() ?? 0;
  const writer = new ByteWriter().u32(count + types.appended.length);
  if (reader !== undefined) writer.raw(reader.slice(reader.end - reader.offset));
  for (const type of types.appended) writer.raw(type);
  return writer.view();
}

export function importSection(assembly: Assembly, reader: ByteReader | undefined): Uint8Array {
  const count = reader?.u32() ?? 0;
  const added = assembly.addedImports();
  const writer = new ByteWriter().u32(count + added.length + assembly.addedGlobals.length);
  if (reader !== undefined) writer.raw(reader.slice(reader.end - reader.offset));
  for (const { module, name, type } of added) writer.name(module).name(name).u8(0).u32(type);
  for (const { module, name, type } of assembly.addedGlobals) writer.name(module).name(name).u8(3).u8(type).u8(1);
  return writer.view();
}

export function functionSection({ module, plan, types, appended }: Assembly): Uint8Array {
  const { functions, imported } = module;
  const writer = new ByteWriter().u32(functions.length - imported.function + appended.list.length);
  for (let index = imported.function; index < functions.length; index++) {
    const type = functions[index] as number;
    writer.u32(plan.functions[index]?.convention === 'register' ? types.withCounter(type) : type);
  }
  for (const { type } of appended.list) writer.u32(type);
  return writer.view();
}

export function tableSection(assembly: Assembly, reader: ByteReader | undefined): Uint8Array {
  return rewriteItems(reader, (reader, writer) => {
    const start = reader.offset;
    const initialised = reader.bytes[start] === 0x40;
    if (initialised) reader.skip(2);
    coreModule.readTableType(reader);
    writer.raw(reader.bytes.subarray(start, reader.offset));
    if (initialised) rewriteExpression(assembly, reader, writer);
  });
}

/** @param added whole definitions of globals that follow the module's own */
export function globalSection(
  assembly: Assembly,
  reader: ByteReader | undefined,
  added: readonly Uint8Array[],
): Uint8Array {
  const item = (reader: ByteReader, writer: ByteWriter): void => {
    const start = reader.offset;
    coreModule.readGlobalType(reader);
    writer.raw(reader.bytes.subarray(start, reader.offset));
    rewriteExpression(assembly, reader, writer);
  };
  return rewriteItems(reader, item, added);
}

/** Writes the module's own exports, and the exports that only the host uses. */
export function exportSection(assembly: Assembly, added: readonly AddedExport[]): Uint8Array {
  const { exports } = assembly.module;
  const kinds = ['function', 'table', 'memory', 'global', 'tag'];
  const writer = new ByteWriter().u32(exports.length + added.length);
  for (const { name, kind, index } of exports) {
    const moved =
      kind === 'function' ? assembly.exported(index) : kind === 'global' ? assembly.globalIndex(index) : index;
    writer.name(name).u8(kinds.indexOf(kind)).u32(moved);
  }
  for (const { name, kind = 'function', index } of added) writer.name(name).u8(kinds.indexOf(kind)).u32(index);
  return writer.view();
}

/** Copies the data section, and rewrites it only when an offset names a global that has moved. */
export function dataSection(
  assembly: Assembly,
  reader: ByteReader | undefined,
  { computed }: DataSegments,
): Uint8Array {
  if (reader === undefined) return new Uint8Array();
  if (!computed) return reader.slice(reader.end - reader.offset);
  return rewriteItems(reader, (reader, writer) => {
    const flags = reader.u32();
    writer.u32(flags);
    if (flags === 2) writer.u32(reader.u32());
    if (flags !== 1) rewriteExpression(assembly, reader, writer);
    const length = reader.u32();
    writer.u32(length).raw(reader.slice(length));
  });
}

function rewriteItems(
  reader: ByteReader | undefined,
  item: (reader: ByteReader, writer: ByteWriter) => void,
  added: readonly Uint8Array[] = [],
): Uint8Array {
  if (reader === undefined) return new Uint8Array();
  const count = reader.u32();
  const writer = new ByteWriter(reader.end - reader.offset + 16).u32(count + added.length);
  for (let left = count; left > 0; left--) item(reader, writer);
  for (const each of added) writer.raw(each);
  return writer.view();
}
