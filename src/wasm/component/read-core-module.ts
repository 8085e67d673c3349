import type { ByteReader } from '../byte-reader.ts';
import type { CoreImport, CoreMemory, CoreModule, CoreReference, CoreSort, CustomSection, Named } from './ast.ts';
import type { ReadBudget } from './budget.ts';
import { hex, readCoreName, readName, readVector, type Source, unsupported } from './source.ts';

const PREAMBLE = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const EXTERN_KINDS: readonly CoreSort[] = ['func', 'table', 'memory', 'global', 'tag'];
const PAGE_BYTES = 65_536;
const SECTION = { custom: 0, import: 2, function: 3, memory: 5, export: 7 } as const;

/** Reads the imports, exports and memories of a core module, and skips everything else. */
export function readCoreModule(reader: ByteReader, budget: ReadBudget): CoreModule {
  const offset = reader.offset;
  for (const byte of PREAMBLE) {
    if (reader.u8() !== byte) throw reader.malformed('a core module does not begin with its preamble');
  }
  const customs: CustomSection[] = [];
  let imports: CoreImport[] = [];
  let exports: Named<CoreReference>[] = [];
  let memories: CoreMemory[] = [];
  let functions = 0;
  let last = 0;
  while (!reader.done) {
    budget.item(reader.offset);
    const id = reader.u8();
    const section = reader.sub(reader.u32());
    const source = { reader: section, budget };
    // A repeated section would let this reader and V8 disagree about what the module imports.
    if (id !== SECTION.custom && id < 12) {
      if (id <= last) throw section.malformed(`a core module's section ${id} is out of order`);
      last = id;
    }
    if (id === SECTION.custom) customs.push(readCustom(source));
    else if (id === SECTION.import) imports = readVector(source, () => readCoreImport(source));
    else if (id === SECTION.function) functions = section.u32();
    else if (id === SECTION.memory) memories = readVector(source, () => readMemory(section));
    else if (id === SECTION.export) exports = readVector(source, () => readExport(source));
  }
  const initialMemoryBytes = memories.reduce((sum, { initialPages, pageBytes }) => {
    return sum + Number(initialPages) * pageBytes;
  }, 0);
  const bytes = reader.bytes.subarray(offset, reader.end);
  return { offset, bytes, imports, exports, functions, memories, initialMemoryBytes, customs };
}

export function readCustom(source: Source): CustomSection {
  const { reader } = source;
  const name = readName(source);
  return { name, offset: reader.offset, bytes: reader.slice(reader.end - reader.offset) };
}

/** Reads an import as core modules and core module types encode it. */
export function readCoreImport(source: Source): CoreImport {
  const module = readCoreName(source);
  const field = readCoreName(source);
  return { module, field, ...readCoreDescription(source.reader) };
}

/** Reads the description of an import, or of an export of a module type: its sort, and the type of a memory. */
export function readCoreDescription(reader: ByteReader): { sort: CoreSort; memory: CoreMemory | undefined } {
  const at = reader.offset;
  const kind = reader.u8();
  const sort = EXTERN_KINDS[kind];
  if (sort === undefined) throw unsupported(`a core import of kind ${hex(kind)}`, at);
  if (sort === 'func') reader.u32();
  if (sort === 'table') {
    skipReferenceType(reader);
    readLimits(reader);
  }
  if (sort === 'global') {
    skipValueType(reader);
    reader.u8();
  }
  if (sort === 'tag') {
    reader.u8();
    reader.u32();
  }
  return { sort, memory: sort === 'memory' ? readMemory(reader) : undefined };
}

function readExport(source: Source): Named<CoreReference> {
  const name = readCoreName(source);
  const at = source.reader.offset;
  const kind = source.reader.u8();
  const sort = EXTERN_KINDS[kind];
  if (sort === undefined) throw unsupported(`a core export of kind ${hex(kind)}`, at);
  return { name, value: { sort, index: source.reader.u32() } };
}

function readMemory(reader: ByteReader): CoreMemory {
  const { flags, initial, maximum } = readLimits(reader);
  const pageBytes = flags & 0x08 ? 2 ** reader.u32() : PAGE_BYTES;
  if (pageBytes > PAGE_BYTES) throw reader.malformed("a memory's page is larger than 64 KiB");
  return {
    initialPages: initial,
    maximumPages: maximum,
    shared: (flags & 0x02) !== 0,
    is64: (flags & 0x04) !== 0,
    pageBytes,
  };
}

function readLimits(reader: ByteReader): { flags: number; initial: bigint; maximum: bigint | undefined } {
  const flags = reader.u8();
  if (flags > 0x0f) throw reader.malformed(`limits with flags ${hex(flags)}`);
  const read = (): bigint => (flags & 0x04 ? reader.u64() : BigInt(reader.u32()));
  const initial = read();
  return { flags, initial, maximum: flags & 0x01 ? read() : undefined };
}

function skipReferenceType(reader: ByteReader): void {
  skipValueType(reader);
}

/** Skips a value type: one byte, or `(ref null? heaptype)` encoded as a prefix and a heap type. */
function skipValueType(reader: ByteReader): void {
  const code = reader.u8();
  if (code !== 0x63 && code !== 0x64) return;
  if (reader.bytes[reader.offset] === 0x65) reader.u8();
  reader.s33();
}
