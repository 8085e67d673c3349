import type { MeteringMode, MeteringOptions } from '#core/ports/meter';
import { shownText } from '#core/text';
import { Assembly } from '#metering/assembly';
import { planModule } from '#metering/plan';
import { DataSegments, startupOf } from '#metering/startup';
import { ByteReader, ByteWriter, coreModule } from '#wasm';
import { contextCalls } from '../context-calls.ts';
import { MeteringError } from '../errors.ts';
import { partsOf } from '../instance-parts.ts';
import { encodeMetadata, FORMAT_VERSION, METADATA_SECTION, NAMESPACE, START_EXPORT } from '../metadata.ts';
import { attachedExports } from './attached.ts';
import { CodeSection } from './code-section.ts';
import {
  dataSection,
  exportSection,
  functionSection,
  globalSection,
  importSection,
  tableSection,
  typeSection,
} from './declarations.ts';
import { elementSection, rewriteElements } from './element-section.ts';
import { ModuleLayout } from './module-layout.ts';
import { rewriteNames } from './name-rewriter.ts';
import { renewalOf } from './renewal.ts';

const { SectionId } = coreModule;

/** The order of sections that the specification requires. Custom sections stay where the module had them. */
const ORDER = [
  SectionId.type,
  SectionId.import,
  SectionId.function,
  SectionId.table,
  SectionId.memory,
  SectionId.tag,
  SectionId.global,
  SectionId.export,
  SectionId.element,
  SectionId.dataCount,
  SectionId.code,
  SectionId.data,
];

/** Rewrites a module that an engine has validated. @throws {MeteringError} if it cannot be metered */
export function rewriteModule(
  bytes: Uint8Array,
  mode: MeteringMode,
  { attached, waiting, contexts = [], renewable = false }: MeteringOptions = {},
): Uint8Array<ArrayBuffer> {
  const module = coreModule.readModule(bytes);
  refuse(module);
  const used = contextCalls(module, contexts);
  return assemble(new Assembly(module, planModule(module, mode, used), attached, waiting, used), mode, renewable);
}

function refuse(module: coreModule.CoreModule): void {
  if (module.sections.some(({ name }) => name === METADATA_SECTION)) {
    throw new MeteringError('METERING_ALREADY_METERED', 'the module is metered already; meter the original');
  }
  for (const { module: from, name } of module.imports) {
    // The item may be an export that metering adds to another module of the same store.
    if (from.startsWith(NAMESPACE) || name.startsWith(NAMESPACE)) throw reserved('imports', `${from} ${name}`);
  }
  for (const { name } of module.exports) if (name.startsWith(NAMESPACE)) throw reserved('exports', name);
  if (module.memories.some(({ shared }) => shared) || module.tables.some(({ limits }) => limits.shared)) {
    throw new MeteringError(
      'METERING_UNSUPPORTED',
      'a memory or table is shared: an actor has one thread; build without threads',
    );
  }
}

function reserved(verb: string, name: string): MeteringError {
  return new MeteringError(
    'METERING_RESERVED_NAME',
    `the module ${verb} ${shownText(name)}; names that begin with ${NAMESPACE} belong to metering`,
  );
}

function assemble(assembly: Assembly, mode: MeteringMode, renewable: boolean): Uint8Array<ArrayBuffer> {
  const { module } = assembly;
  const { bytes, sections } = module;
  const own = (id: number): ByteReader | undefined => {
    const section = sections.find((candidate) => candidate.id === id);
    return section && new ByteReader(bytes, section.start, section.end);
  };
  // Bodies and expressions come first, because they request the functions and types that earlier sections list.
  const startFunction = own(SectionId.start)?.u32();
  const added = attachedExports(assembly);
  if (startFunction !== undefined) added.push({ name: START_EXPORT, index: assembly.startHelper(startFunction) });
  const renewal = renewable ? renewalOf(assembly) : undefined;
  if (renewal !== undefined) added.push(...renewal.exports);
  const data = new DataSegments(module);
  const written = new Map<number, Uint8Array>([
    [SectionId.global, globalSection(assembly, own(SectionId.global), renewal?.globals ?? [])],
    [SectionId.table, tableSection(assembly, own(SectionId.table))],
    [SectionId.export, exportSection(assembly, added)],
    [SectionId.data, dataSection(assembly, own(SectionId.data), data)],
  ]);
  const elements = rewriteElements(assembly, own(SectionId.element));
  const code = CodeSection.of(assembly);
  written.set(SectionId.element, elementSection(elements, assembly.declared));
  written.set(SectionId.import, importSection(assembly, own(SectionId.import)));
  written.set(SectionId.function, functionSection(assembly));
  written.set(SectionId.type, typeSection(assembly, own(SectionId.type)));

  const layout = new ModuleLayout();
  layout.bytes(bytes.subarray(0, 8));
  const metadata = encodeMetadata({
    version: FORMAT_VERSION,
    mode,
    ...startupOf(module, data),
    parts: partsOf(module, renewal?.globals.length),
    renewable: renewal?.memories,
  });
  layout.section(SectionId.custom, new ByteWriter().name(METADATA_SECTION).view(), metadata);
  for (const id of ORDER) {
    if (id === SectionId.code) {
      const hints = code.hints.payload();
      if (hints !== undefined) layout.section(SectionId.custom, hints);
      const bodies = module.functions.length - module.imported.function + assembly.appended.list.length;
      layout.section(id, new ByteWriter(8).u32(bodies).view(), code.store);
      continue;
    }
    const reader = own(id);
    const payload = written.get(id) ?? reader?.slice(reader.end - reader.offset);
    if (payload !== undefined && payload.length > 0) layout.section(id, payload);
  }
  addCustomSections(assembly, layout);
  return layout.finish();
}

/**
 * Copies custom sections. Sections that hold code offsets would be wrong and are dropped; names move with their
 * indices.
 */
function addCustomSections(assembly: Assembly, layout: ModuleLayout): void {
  const { bytes, sections } = assembly.module;
  for (const { id, name = '', start, end } of sections) {
    if (id !== SectionId.custom || holdsOffsets(name)) continue;
    const payload = name === 'name' ? rewriteNames(assembly, start, end) : bytes.subarray(start, end);
    if (payload !== undefined) layout.section(SectionId.custom, new ByteWriter().name(name).view(), payload);
  }
}

function holdsOffsets(name: string): boolean {
  return (
    /^(\.debug_|reloc\.|metadata\.code\.)/.test(name) ||
    ['linking', 'sourceMappingURL', 'external_debug_info', 'compilationHints', 'instTrace'].includes(name)
  );
}
