import type { MeteringMode } from '#core';
import { ByteReader, ByteWriter, coreModule } from '#wasm';
import { Assembly, HOOKS } from './assembly.ts';
import { BranchHints, readBranchHints } from './branch-hints.ts';
import { MeteringError } from './errors.ts';
import { FunctionRewriter } from './function-rewriter.ts';
import { encodeMetadata, FORMAT_VERSION, METADATA_SECTION, NAMESPACE, START_EXPORT } from './metadata.ts';
import { rewriteNames } from './name-rewriter.ts';
import { I64, Op } from './opcode.ts';
import { planModule } from './plan.ts';
import { startupOf } from './startup.ts';

const { Constant, SectionId } = coreModule;

/** Bytes of a function body that engines take (WebAssembly JavaScript Interface, implementation limits). */
const LARGEST_BODY = 7_654_321;

/** The order in which the specification wants sections; custom sections stand where the module had them. */
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

/** Rewrites a module that an engine has validated. @throws {MeteringError} for what cannot be metered */
export function rewriteModule(bytes: Uint8Array, mode: MeteringMode): Uint8Array<ArrayBuffer> {
  const module = coreModule.readModule(bytes);
  refuse(module);
  const assembly = new Assembly(module, planModule(module, mode));
  return new ModuleRewriter(assembly, mode).rewrite();
}

function refuse(module: coreModule.CoreModule): void {
  if (module.sections.some(({ name }) => name === METADATA_SECTION)) {
    throw new MeteringError('METERING_ALREADY_METERED', 'the module is metered already; meter the original');
  }
  for (const { module: from, name } of module.imports) {
    if (from.startsWith(NAMESPACE)) throw reserved('imports', `${from} ${name}`);
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
    `the module ${verb} ${JSON.stringify(name)}; names that begin with ${NAMESPACE} belong to metering`,
  );
}

class ModuleRewriter {
  readonly #assembly: Assembly;
  readonly #module: coreModule.CoreModule;
  readonly #mode: MeteringMode;
  readonly #hints = new BranchHints();

  constructor(assembly: Assembly, mode: MeteringMode) {
    this.#assembly = assembly;
    this.#module = assembly.module;
    this.#mode = mode;
  }

  rewrite(): Uint8Array<ArrayBuffer> {
    const { bytes, sections } = this.#module;
    const startup = startupOf(this.#module);
    const out = new ByteWriter(bytes.length + (bytes.length >> 1) + 1024).raw(bytes.subarray(0, 8));
    const start = this.#start();
    // Bodies and expressions come first: they ask for the helpers and types that earlier sections then list.
    const written = new Map<number, Uint8Array>([
      [SectionId.global, this.#globals()],
      [SectionId.table, this.#tables()],
      [SectionId.export, this.#exports(start)],
      [SectionId.data, this.#data()],
    ]);
    const elements = this.#elements();
    const bodies = this.#bodies();
    written.set(SectionId.element, this.#elementSection(elements));
    written.set(SectionId.import, this.#imports());
    written.set(SectionId.function, this.#functions());
    written.set(SectionId.type, this.#types());
    written.set(SectionId.code, this.#code(bodies));

    const metadata = encodeMetadata({ version: FORMAT_VERSION, mode: this.#mode, ...startup });
    section(out, SectionId.custom, new ByteWriter().name(METADATA_SECTION).raw(metadata).view());
    for (const id of ORDER) {
      if (id === SectionId.code) this.#hints.write(out);
      const own = sections.find((candidate) => candidate.id === id);
      const rewritten = written.get(id);
      if (rewritten !== undefined) {
        if (rewritten.length > 0) section(out, id, rewritten);
      } else if (own !== undefined) section(out, id, bytes.subarray(own.start, own.end));
    }
    this.#customs(out);
    return out.finish();
  }

  #reader(id: number): ByteReader | undefined {
    const own = this.#module.sections.find((candidate) => candidate.id === id);
    return own && new ByteReader(this.#module.bytes, own.start, own.end);
  }

  /** The helper that runs the start function, which the host calls when it holds the exports. */
  #start(): number | undefined {
    const reader = this.#reader(SectionId.start);
    return reader && this.#assembly.startHelper(reader.u32());
  }

  #types(): Uint8Array {
    const reader = this.#reader(SectionId.type);
    const count = reader?.u32() ?? 0;
    const writer = new ByteWriter().u32(count + this.#assembly.types.length);
    if (reader !== undefined) writer.raw(reader.slice(reader.end - reader.offset));
    for (const type of this.#assembly.types) writer.raw(type);
    return writer.view();
  }

  #imports(): Uint8Array {
    const reader = this.#reader(SectionId.import);
    const count = reader?.u32() ?? 0;
    const writer = new ByteWriter().u32(count + HOOKS.functions.length + HOOKS.globals.length);
    if (reader !== undefined) writer.raw(reader.slice(reader.end - reader.offset));
    const types = this.#assembly.hookTypes();
    for (const [at, name] of HOOKS.functions.entries()) {
      writer
        .name(NAMESPACE)
        .name(name)
        .u8(0)
        .u32(types[at] as number);
    }
    for (const name of HOOKS.globals) writer.name(NAMESPACE).name(name).u8(3).u8(I64).u8(1);
    return writer.view();
  }

  #functions(): Uint8Array {
    const defined = this.#module.functions.slice(this.#module.imported.function);
    const { helpers } = this.#assembly;
    const writer = new ByteWriter().u32(defined.length + helpers.length);
    for (const [at, type] of defined.entries()) {
      const plan = this.#assembly.plan.functions[at + this.#module.imported.function];
      writer.u32(plan?.convention === 'register' ? this.#assembly.registerType(type) : type);
    }
    for (const { type } of helpers) writer.u32(type);
    return writer.view();
  }

  #tables(): Uint8Array {
    const reader = this.#reader(SectionId.table);
    if (reader === undefined) return new Uint8Array();
    const count = reader.u32();
    const writer = new ByteWriter().u32(count);
    for (let left = count; left > 0; left--) {
      const start = reader.offset;
      const initialised = reader.bytes[start] === 0x40;
      if (initialised) reader.skip(2);
      coreModule.readTableType(reader);
      writer.raw(reader.bytes.subarray(start, reader.offset));
      if (initialised) this.#expression(reader, writer);
    }
    return writer.view();
  }

  #globals(): Uint8Array {
    const reader = this.#reader(SectionId.global);
    if (reader === undefined) return new Uint8Array();
    const count = reader.u32();
    const writer = new ByteWriter().u32(count);
    for (let left = count; left > 0; left--) {
      const start = reader.offset;
      coreModule.readGlobalType(reader);
      writer.raw(reader.bytes.subarray(start, reader.offset));
      this.#expression(reader, writer);
    }
    return writer.view();
  }

  #exports(start: number | undefined): Uint8Array {
    const { exports } = this.#module;
    const kinds = ['function', 'table', 'memory', 'global', 'tag'];
    const writer = new ByteWriter().u32(exports.length + (start === undefined ? 0 : 1));
    for (const { name, kind, index } of exports) {
      const moved =
        kind === 'function'
          ? this.#assembly.exported(index)
          : kind === 'global'
            ? this.#assembly.globalIndex(index)
            : index;
      writer.name(name).u8(kinds.indexOf(kind)).u32(moved);
    }
    if (start !== undefined) writer.name(START_EXPORT).u8(0).u32(start);
    return writer.view();
  }

  #data(): Uint8Array {
    const reader = this.#reader(SectionId.data);
    if (reader === undefined) return new Uint8Array();
    const count = reader.u32();
    const writer = new ByteWriter(reader.end - reader.offset + 16).u32(count);
    for (let left = count; left > 0; left--) {
      const flags = reader.u32();
      writer.u32(flags);
      if (flags === 2) writer.u32(reader.u32());
      if (flags !== 1) this.#expression(reader, writer);
      const length = reader.u32();
      writer.u32(length).raw(reader.slice(length));
    }
    return writer.view();
  }

  #elements(): { readonly count: number; readonly bytes: Uint8Array } {
    const reader = this.#reader(SectionId.element);
    if (reader === undefined) return { count: 0, bytes: new Uint8Array() };
    const count = reader.u32();
    const writer = new ByteWriter(reader.end - reader.offset + 16);
    for (let left = count; left > 0; left--) {
      const flags = reader.u32();
      writer.u32(flags);
      const active = (flags & 1) === 0;
      const table = active && (flags & 2) !== 0 ? reader.u32() : 0;
      if (active && (flags & 2) !== 0) writer.u32(table);
      const isPrivate = active && this.#assembly.plan.privateTables.has(table);
      if (active) this.#expression(reader, writer);
      const typed = (flags & 3) !== 0;
      if ((flags & 4) === 0) {
        if (typed) writer.u8(reader.u8());
        const functions = reader.u32();
        writer.u32(functions);
        for (let n = 0; n < functions; n++) {
          const index = reader.u32();
          writer.u32(isPrivate ? this.#assembly.registered(index) : this.#assembly.reference(index));
        }
        continue;
      }
      if (typed) writer.raw(coreModule.readValueType(reader).bytes);
      const expressions = reader.u32();
      writer.u32(expressions);
      for (let n = 0; n < expressions; n++) this.#expression(reader, writer, isPrivate);
    }
    return { count, bytes: writer.view() };
  }

  /** The module's segments and one more that declares the wrappers which bodies refer to. */
  #elementSection({ count, bytes }: { readonly count: number; readonly bytes: Uint8Array }): Uint8Array {
    const { declared } = this.#assembly;
    if (count === 0 && declared.size === 0) return bytes;
    const writer = new ByteWriter(bytes.length + 16).u32(count + (declared.size > 0 ? 1 : 0)).raw(bytes);
    if (declared.size > 0) {
      writer.u8(3).u8(0).u32(declared.size);
      for (const index of declared) writer.u32(index);
    }
    return writer.view();
  }

  #expression(reader: ByteReader, writer: ByteWriter, isPrivate = false): void {
    for (const { opcode, start, end, index } of coreModule.readConstantExpression(reader)) {
      if (opcode === Constant.globalGet) writer.u8(Op.globalGet).u32(this.#assembly.globalIndex(index));
      else if (opcode === Constant.refFunc) {
        writer.u8(Op.refFunc).u32(isPrivate ? this.#assembly.registered(index) : this.#assembly.reference(index));
      } else writer.raw(reader.bytes.subarray(start, end));
    }
    writer.u8(Op.end);
  }

  #bodies(): ByteWriter {
    const reader = this.#reader(SectionId.code);
    const writer = new ByteWriter(reader === undefined ? 16 : Math.ceil((reader.end - reader.offset) * 1.5) + 64);
    if (reader === undefined) return writer;
    const functions = new FunctionRewriter(this.#assembly);
    const imported = this.#module.imported.function;
    const guestHints = readBranchHints(this.#module);
    for (let n = reader.u32(), index = imported; n > 0; n--, index++) {
      const size = reader.u32();
      const start = reader.offset;
      reader.skip(size);
      const { locals, code, hints } = functions.rewrite(index, start, reader.offset, guestHints.get(index));
      if (locals.length + code.length > LARGEST_BODY) {
        throw new MeteringError(
          'METERING_TOO_LARGE',
          `function ${index} of ${size} bytes is ${locals.length + code.length} when metered; engines take ${LARGEST_BODY}`,
        );
      }
      this.#hints.add(this.#assembly.functionIndex(index), locals.length, hints);
      writer
        .u32(locals.length + code.length)
        .raw(locals)
        .raw(code);
    }
    return writer;
  }

  #code(bodies: ByteWriter): Uint8Array {
    const { helpers } = this.#assembly;
    const defined = this.#module.functions.length - this.#module.imported.function;
    const writer = new ByteWriter(bodies.length + 1024).u32(defined + helpers.length).raw(bodies.view());
    const first = this.#module.functions.length + HOOKS.functions.length;
    for (const [at, { body, hints }] of helpers.entries()) {
      writer.u32(body.length).raw(body);
      this.#hints.add(first + at, 0, hints);
    }
    return writer.view();
  }

  /** Custom sections that hold code offsets would lie afterwards and are dropped; names move with their indices. */
  #customs(out: ByteWriter): void {
    for (const { id, name = '', start, end } of this.#module.sections) {
      if (id !== SectionId.custom || holdsOffsets(name)) continue;
      const payload =
        name === 'name' ? rewriteNames(this.#assembly, start, end) : this.#module.bytes.subarray(start, end);
      if (payload !== undefined) section(out, SectionId.custom, new ByteWriter().name(name).raw(payload).view());
    }
  }
}

function holdsOffsets(name: string): boolean {
  return (
    /^(\.debug_|reloc\.|metadata\.code\.)/.test(name) ||
    ['linking', 'sourceMappingURL', 'external_debug_info', 'compilationHints', 'instTrace'].includes(name)
  );
}

function section(out: ByteWriter, id: number, payload: Uint8Array): void {
  out.u8(id).u32(payload.length).raw(payload);
}
