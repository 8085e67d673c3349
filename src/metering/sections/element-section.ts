import { type Assembly, rewriteExpression } from '#metering/assembly';
import { type ByteReader, ByteWriter, coreModule } from '#wasm';

export interface ElementSegments {
  readonly count: number;
  readonly bytes: Uint8Array;
}

/** Rewrites the module's element segments. Private tables get functions of the `register` convention. */
export function rewriteElements(assembly: Assembly, reader: ByteReader | undefined): ElementSegments {
  if (reader === undefined) return { count: 0, bytes: new Uint8Array() };
  const count = reader.u32();
  const writer = new ByteWriter(reader.end - reader.offset + 16);
  for (let left = count; left > 0; left--) rewriteSegment(assembly, reader, writer);
  return { count, bytes: writer.view() };
}

function rewriteSegment(assembly: Assembly, reader: ByteReader, writer: ByteWriter): void {
  const flags = reader.u32();
  writer.u32(flags);
  const active = (flags & 1) === 0;
  const table = active && (flags & 2) !== 0 ? reader.u32() : 0;
  if (active && (flags & 2) !== 0) writer.u32(table);
  const isPrivate = active && assembly.plan.privateTables.has(table);
  if (active) rewriteExpression(assembly, reader, writer);
  const typed = (flags & 3) !== 0;
  if ((flags & 4) === 0) {
    if (typed) writer.u8(reader.u8());
    const functions = reader.u32();
    writer.u32(functions);
    for (let n = 0; n < functions; n++) {
      const index = reader.u32();
      writer.u32(isPrivate ? assembly.registered(index) : assembly.reference(index));
    }
    return;
  }
  if (typed) writer.raw(coreModule.readValueType(reader).bytes);
  const expressions = reader.u32();
  writer.u32(expressions);
  for (let n = 0; n < expressions; n++) rewriteExpression(assembly, reader, writer, isPrivate);
}

/** Writes the segments, and one more that declares the wrappers that bodies refer to. */
export function elementSection({ count, bytes }: ElementSegments, declared: ReadonlySet<number>): Uint8Array {
  if (count === 0 && declared.size === 0) return bytes;
  const writer = new ByteWriter(bytes.length + 16).u32(count + (declared.size > 0 ? 1 : 0)).raw(bytes);
  if (declared.size > 0) {
    writer.u8(3).u8(0).u32(declared.size);
    for (const index of declared) writer.u32(index);
  }
  return writer.view();
}
