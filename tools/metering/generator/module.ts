import { ByteWriter } from '#wasm';
import { Emitter, type ModuleContext, pick } from './emitter.ts';
import { expression } from './expressions.ts';
import type { ModulePlan, SegmentPlan } from './plan.ts';
import { statements } from './statements.ts';
import {
  allows,
  GC_TYPES,
  isCallableFromHost,
  type ReferenceType,
  SIGNATURES,
  type Signature,
  TAGS,
  TypeEncoder,
  type ValueType,
} from './types.ts';

/** An import that the host must give, in `env`. */
type HostImport =
  | { readonly kind: 'function'; readonly name: string; readonly signature: Signature }
  | { readonly kind: 'global'; readonly name: string; readonly type: 'i32' | 'i64'; readonly mutable: boolean }
  | { readonly kind: 'memory'; readonly name: string; readonly initial: number; readonly maximum: number }
  | { readonly kind: 'table'; readonly name: string; readonly initial: number; readonly maximum: number };

export interface GeneratedModule {
  readonly bytes: Uint8Array;
  readonly imports: readonly HostImport[];
  /** Calls to make, in order, with numbers as plain JavaScript values of the wanted types. */
  readonly calls: readonly HostCall[];
  /** Functions that the host may call. */
  readonly exports: readonly { readonly name: string; readonly signature: Signature }[];
  readonly used: ReadonlySet<string>;
}

/** A call of an export by the host; `params` are the types of `args`. */
export interface HostCall {
  readonly name: string;
  readonly params: readonly ValueType[];
  readonly args: readonly (number | bigint | null)[];
}

/** Host functions by the position in a plan: plain ones answer from their arguments, two do something special. */
const HOSTS: readonly { readonly name: string; readonly signature: number }[] = [
  ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((signature) => ({ name: `host${signature}`, signature })),
  { name: 'reenter', signature: 1 },
  { name: 'thrower', signature: 10 },
];

/** Base of segments that are placed by an imported global; `runModule` gives it this value. */
export const BASE = 8;
const TABLE_SIZE = 40;
const GAS = 60;

/** Makes a valid module of any plan; one that ends, unless it is to be endless. */
export function compileModule(plan: ModulePlan, { endless = false } = {}): GeneratedModule {
  const { features } = plan;
  const types = new TypeEncoder(features);
  const signatures = [...SIGNATURES.keys()].filter((index) => allows(features, SIGNATURES[index]!));
  const hosts = [...new Set(plan.imports.map((number) => number % HOSTS.length))].map((index) => HOSTS[index]!);
  const memories = layoutMemories(plan);
  const tables = layoutTables(plan);
  const globals = layoutGlobals(plan);
  const elements = plan.elements.map((segment) => elementLayout(segment, tables));
  const context: ModuleContext = {
    features,
    types,
    functions: [
      ...hosts.map(({ name, signature }) => ({ signature, imported: true, recursive: name === 'reenter', cost: 10 })),
      ...plan.functions.map(({ signature, recursive }) => ({
        signature: pick(signatures, signature),
        imported: false,
        recursive,
        cost: 500,
      })),
    ],
    memories,
    tables,
    globals: [...globals, { type: 'i32', mutable: true }],
    dataSegments: plan.data.map((segment) => ({ passive: isPassive(segment) })),
    elementSegments: [
      ...elements.map(({ type, form }) => ({ type, passive: form === 'passive' })),
      ...tables.filter(isFunctionTable).map(() => ({ type: 'funcref' as const, passive: false })),
    ],
    gas: globals.length,
    endless,
    referenced: new Set(),
    used: new Set(),
  };
  const bodies: Uint8Array[] = plan.functions.map(() => new Uint8Array());
  for (let index = plan.functions.length - 1; index >= 0; index--) {
    bodies[index] = functionBody(context, plan, hosts.length + index);
  }
  const imports = hostImports(plan, hosts, memories, tables);
  const exported = exportedFunctions(plan, context, hosts.length);
  const writer = new ByteWriter().raw(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  section(writer, 1, typeSection(features.gc, types, signatures));
  section(writer, 2, importSection(imports, types, memories, tables));
  section(
    writer,
    3,
    vector(plan.functions.length, (w, i) => w.u32(types.signature(context.functions[hosts.length + i]!.signature))),
  );
  section(writer, 4, tableSection(tables, types, context));
  section(writer, 5, memorySection(memories));
  if (features.exceptions !== 'none') {
    section(
      writer,
      13,
      vector(TAGS.length, (w, i) => w.u8(0).u32(types.signature(TAGS[i]!))),
    );
  }
  section(writer, 6, globalSection(globals, context));
  section(writer, 7, exportSection(plan, exported, memories, tables, globals, features.exceptions !== 'none'));
  const start = context.functions.findIndex(({ signature, imported }) => signature === 0 && !imported);
  if (plan.start % 4 === 3 && start !== -1) section(writer, 8, new ByteWriter().u32(start));
  section(writer, 9, elementSection(elements, tables, context));
  if (plan.data.length > 0) section(writer, 12, new ByteWriter().u32(plan.data.length));
  section(
    writer,
    10,
    vector(bodies.length, (w, i) => w.u32(bodies[i]!.length).raw(bodies[i]!)),
  );
  section(writer, 11, dataSection(plan.data, memories, context));
  return {
    bytes: writer.finish(),
    imports,
    calls: hostCalls(plan, exported),
    exports: exported.map(({ index, name }) => ({ name, signature: SIGNATURES[context.functions[index]!.signature]! })),
    used: context.used,
  };
}

function functionBody(context: ModuleContext, plan: ModulePlan, self: number): Uint8Array {
  const own = plan.functions[self - (context.functions.length - plan.functions.length)]!;
  const locals = own.locals.map((number) => pick(localTypes(plan), number));
  const e = new Emitter(context, self, locals);
  e.labels.push({ types: e.results, kind: 'open' });
  if (own.recursive && !context.endless) leaveWithoutGas(e);
  statements(e, own.body);
  for (const [index, type] of e.results.entries()) {
    expression(e, own.body[index] ?? { choice: 0, detail: 0, parts: [] }, type);
  }
  e.op('end');
  context.functions[self] = { ...context.functions[self]!, cost: own.recursive ? 500 : e.cost };
  return e.bytes();
}

function leaveWithoutGas(e: Emitter): void {
  e.op('global.get', e.module.gas);
  e.op('i32.eqz');
  e.begin('if', []);
  for (const type of e.results) expression(e, { choice: 0, detail: 0, parts: [] }, type);
  e.op('return');
  e.end();
  e.op('global.get', e.module.gas);
  e.i32(1);
  e.op('i32.sub');
  e.op('global.set', e.module.gas);
}

function localTypes({ features }: ModulePlan): ValueType[] {
  return [
    'i32',
    'i64',
    'f32',
    'f64',
    'funcref',
    'externref',
    ...(features.simd ? (['v128'] as const) : []),
    ...(features.exceptions === 'standard' ? (['exnref'] as const) : []),
    ...(features.gc ? ([...GC_TYPES, 'anyref', 'sig:1'] as const) : []),
  ];
}

interface Memory {
  readonly wide: boolean;
  readonly initial: number;
  readonly maximum: number;
  readonly imported: boolean;
  readonly exported: boolean;
}

function layoutMemories({ memories, features }: ModulePlan): Memory[] {
  const count = features.multiMemory ? memories.length : 1;
  return memories.slice(0, count).map(({ pages, more, imported, exported, wide }, index) => {
    const mine = index === 0 && imported;
    const initial = mine ? 1 + (pages % 2) : pages % 3;
    return {
      wide: features.memory64 && wide && !mine,
      initial,
      maximum: initial + (more % 3),
      imported: mine,
      exported,
    };
  });
}

interface Table extends Omit<Memory, 'exported'> {
  readonly exported: boolean;
  readonly type: ReferenceType;
  readonly initialised: boolean;
}

function layoutTables({ tables, features }: ModulePlan): Table[] {
  return tables.map(({ more, imported, exported, kind }, index) => {
    const mine = index === 0 && imported;
    const types: ReferenceType[] = ['funcref', 'externref', ...(features.gc ? (['sig:1', 'anyref'] as const) : [])];
    return {
      type: index === 0 ? 'funcref' : pick(types, kind),
      wide: features.memory64 && kind % 3 === 2 && !mine,
      initial: TABLE_SIZE,
      maximum: TABLE_SIZE + (more % 8),
      imported: mine,
      exported,
      initialised: features.gc && kind % 5 === 4 && !mine,
    };
  });
}

const isFunctionTable = ({ type }: Table): boolean => type === 'funcref';

interface Global {
  readonly type: ValueType;
  readonly mutable: boolean;
  readonly exported: boolean;
  readonly imported: boolean;
  readonly value: number;
  readonly form: number;
}

/** Globals 0 and 1 are imported: the constant base of segments, and a counter that host and guest both write. */
function layoutGlobals(plan: ModulePlan): Global[] {
  const types = localTypes(plan).filter((type) => type !== 'exnref');
  return [
    { type: 'i32', mutable: false, exported: false, imported: true, value: BASE, form: 0 },
    { type: 'i64', mutable: true, exported: false, imported: true, value: 0, form: 0 },
    ...plan.globals.map(({ type, ...rest }) => ({ ...rest, type: pick(types, type), imported: false })),
  ];
}

function hostImports(
  plan: ModulePlan,
  hosts: typeof HOSTS,
  memories: readonly Memory[],
  tables: readonly Table[],
): HostImport[] {
  const list: HostImport[] = hosts.map(({ name, signature }) => ({
    kind: 'function',
    name,
    signature: SIGNATURES[signature]!,
  }));
  list.push({ kind: 'global', name: 'base', type: 'i32', mutable: false });
  list.push({ kind: 'global', name: 'shared', type: 'i64', mutable: true });
  if (plan.memories[0]?.imported) {
    const { initial, maximum } = memories[0]!;
    list.push({ kind: 'memory', name: 'memory', initial, maximum });
  }
  if (plan.tables[0]?.imported) {
    const { initial, maximum } = tables[0]!;
    list.push({ kind: 'table', name: 'table', initial, maximum });
  }
  return list;
}

function exportedFunctions(
  plan: ModulePlan,
  context: ModuleContext,
  imported: number,
): { index: number; name: string }[] {
  return plan.functions.flatMap(({ exported }, index) => {
    const { signature } = context.functions[imported + index]!;
    const named = (exported || index === 0) && isCallableFromHost(SIGNATURES[signature]!);
    return named ? [{ index: imported + index, name: `f${index}` }] : [];
  });
}

function hostCalls(plan: ModulePlan, exported: readonly { name: string }[]): GeneratedModule['calls'] {
  if (exported.length === 0) return [];
  return plan.calls.map(({ target, args }) => {
    const { name } = pick(exported, target);
    const signatures = [...SIGNATURES.keys()].filter((index) => allows(plan.features, SIGNATURES[index]!));
    const { params } = SIGNATURES[pick(signatures, plan.functions[Number(name.slice(1))]!.signature)]!;
    return { name, params, args: params.map((type, index) => argument(type, args[index] ?? index)) };
  });
}

function argument(type: ValueType, number: number): number | bigint | null {
  if (type === 'i64') return BigInt.asIntN(64, BigInt(number) << 3n);
  if (type === 'i32') return number | 0;
  return type === 'f32' || type === 'f64' ? (number % 1000) / 4 : null;
}

function section(writer: ByteWriter, id: number, content: ByteWriter | undefined): void {
  if (content !== undefined) writer.u8(id).u32(content.length).raw(content.view());
}

function vector(length: number, item: (writer: ByteWriter, index: number) => void): ByteWriter | undefined {
  if (length === 0) return undefined;
  const writer = new ByteWriter().u32(length);
  for (let index = 0; index < length; index++) item(writer, index);
  return writer;
}

function typeSection(gc: boolean, types: TypeEncoder, signatures: readonly number[]): ByteWriter {
  const writer = new ByteWriter().u32(signatures.length + (gc ? 1 : 0));
  if (gc) recursiveGroup(writer, types);
  for (const signature of signatures) {
    const { params, results } = SIGNATURES[signature]!;
    writer.u8(0x60);
    types.values(writer, params);
    types.values(writer, results);
  }
  return writer;
}

function recursiveGroup(writer: ByteWriter, types: TypeEncoder): void {
  const field = (type: ValueType | 'i8'): void => {
    if (type === 'i8') writer.u8(0x78);
    else types.value(writer, type);
    writer.u8(1);
  };
  const fields: (ValueType | 'i8')[] = ['i32', 'i64', 'i8', 'node', 'f64', 'anyref'];
  writer.u8(0x4e).u32(GC_TYPES.length);
  writer.u8(0x50).u32(0).u8(0x5f).u32(fields.length);
  for (const type of fields) field(type);
  writer
    .u8(0x4f)
    .u32(1)
    .u32(0)
    .u8(0x5f)
    .u32(fields.length + 1);
  for (const type of [...fields, 'f32'] as const) field(type);
  for (const item of ['i32', 'i8', 'funcref', 'node'] as const) {
    writer.u8(0x5e);
    field(item);
  }
}

function limits(writer: ByteWriter, { wide, initial, maximum }: Memory | Table): void {
  writer
    .u8(wide ? 5 : 1)
    .u32(initial)
    .u32(maximum);
}

function importSection(
  imports: readonly HostImport[],
  types: TypeEncoder,
  memories: readonly Memory[],
  tables: readonly Table[],
): ByteWriter | undefined {
  return vector(imports.length, (writer, index) => {
    const one = imports[index]!;
    writer.name('env').name(one.name);
    if (one.kind === 'function') writer.u8(0).u32(types.signature(SIGNATURES.indexOf(one.signature)));
    if (one.kind === 'table') limits(writer.u8(1).u8(0x70), tables[0]!);
    if (one.kind === 'memory') limits(writer.u8(2), memories[0]!);
    if (one.kind === 'global')
      writer
        .u8(3)
        .u8(one.type === 'i32' ? 0x7f : 0x7e)
        .u8(one.mutable ? 1 : 0);
  });
}

function tableSection(tables: readonly Table[], types: TypeEncoder, context: ModuleContext): ByteWriter | undefined {
  const own = tables.filter(({ imported }) => !imported);
  return vector(own.length, (writer, index) => {
    const table = own[index]!;
    if (table.initialised) writer.u8(0x40).u8(0);
    types.value(writer, table.type);
    limits(writer, table);
    if (table.initialised) constantReference(writer, table.type, context, index).u8(0x0b);
  });
}

function memorySection(memories: readonly Memory[]): ByteWriter | undefined {
  const own = memories.filter(({ imported }) => !imported);
  return vector(own.length, (writer, index) => limits(writer, own[index]!));
}

/** A constant expression, without its end, for a reference type. */
function constantReference(
  writer: ByteWriter,
  type: ReferenceType,
  context: ModuleContext,
  number: number,
): ByteWriter {
  const { types, functions } = context;
  const fitting = [...functions.keys()].filter((index) =>
    type === 'funcref' ? true : type === `sig:${functions[index]!.signature}`,
  );
  if (fitting.length > 0 && number % 3 !== 0) {
    context.used.add('ref.func');
    return writer.u8(0xd2).u32(pick(fitting, number));
  }
  if (number % 2 === 1 && ['ints', 'bytes', 'funcs', 'nodes'].includes(type)) {
    return writer
      .u8(0x41)
      .s32(number % 20)
      .u8(0xfb)
      .u32(7)
      .u32(types.heap(type)!);
  }
  if (number % 2 === 1 && (type === 'node' || type === 'leaf')) return writer.u8(0xfb).u32(1).u32(types.heap(type)!);
  if (number % 2 === 1 && type === 'anyref') return writer.u8(0x41).s32(number).u8(0xfb).u32(28);
  writer.u8(0xd0);
  types.heapType(writer, type);
  return writer;
}

function globalSection(globals: readonly Global[], context: ModuleContext): ByteWriter | undefined {
  const own = globals.filter(({ imported }) => !imported);
  return vector(own.length + 1, (writer, index) => {
    const global = own[index];
    if (global === undefined) {
      writer.u8(0x7f).u8(1).u8(0x41).s32(GAS).u8(0x0b);
      return;
    }
    context.types.value(writer, global.type);
    writer.u8(global.mutable ? 1 : 0);
    initialiser(writer, global, context);
    writer.u8(0x0b);
  });
}

function initialiser(writer: ByteWriter, { type, value, form }: Global, context: ModuleContext): void {
  switch (type) {
    case 'i32':
      if (form % 3 === 0) writer.u8(0x41).s32(value);
      else if (form % 3 === 1) writer.u8(0x23).u32(0);
      else writer.u8(0x41).s32(value).u8(0x23).u32(0).u8(0x41).s32(3).u8(0x6c).u8(0x6a);
      return;
    case 'i64':
      writer.u8(0x42).s64(BigInt(value));
      if (form % 2 === 1) writer.u8(0x42).s64(5n).u8(0x7d);
      return;
    case 'f32':
      writer.u8(0x43).raw(new Uint8Array(new Float32Array([value / 8]).buffer));
      return;
    case 'f64':
      writer.u8(0x44).raw(new Uint8Array(new Float64Array([value / 8]).buffer));
      return;
    case 'v128':
      writer
        .u8(0xfd)
        .u32(12)
        .raw(new Uint8Array(new Uint32Array([value, 1, 2, 3]).buffer));
      return;
    default:
      constantReference(writer, type, context, form);
  }
}

function exportSection(
  plan: ModulePlan,
  functions: readonly { index: number; name: string }[],
  memories: readonly Memory[],
  tables: readonly Table[],
  globals: readonly Global[],
  tags: boolean,
): ByteWriter | undefined {
  const list: { name: string; kind: number; index: number }[] = functions.map((one) => ({ ...one, kind: 0 }));
  const back = functions.find(({ name }) => {
    const own = plan.functions[Number(name.slice(1))]!;
    const signatures = [...SIGNATURES.keys()].filter((index) => allows(plan.features, SIGNATURES[index]!));
    return own.recursive && pick(signatures, own.signature) === 1;
  });
  if (back !== undefined) list.push({ name: 'back', kind: 0, index: back.index });
  for (const [index, { exported }] of tables.entries()) if (exported) list.push({ name: `t${index}`, kind: 1, index });
  for (const [index, { exported }] of memories.entries())
    if (exported) list.push({ name: `m${index}`, kind: 2, index });
  for (const [index, { exported }] of globals.entries()) if (exported) list.push({ name: `g${index}`, kind: 3, index });
  if (tags) for (const index of TAGS.keys()) list.push({ name: `x${index}`, kind: 4, index });
  return vector(list.length, (writer, at) => {
    const { name, kind, index } = list[at]!;
    writer.name(name).u8(kind).u32(index);
  });
}

interface Elements {
  readonly type: ReferenceType;
  readonly plan: SegmentPlan;
  readonly table: number;
  readonly form: 'active' | 'passive' | 'declared';
  readonly expressions: boolean;
}

function elementLayout(plan: SegmentPlan, tables: readonly Table[]): Elements {
  const table = plan.kind % tables.length;
  const { type } = tables[table]!;
  return {
    type,
    plan,
    table,
    form: pick(['active', 'passive', 'passive', 'active', 'passive', 'declared'] as const, plan.detail),
    expressions: type !== 'funcref' || plan.offset % 2 === 1,
  };
}

/** The plan's segments, one that fills each function table, and one that declares what `ref.func` names. */
function elementSection(
  elements: readonly Elements[],
  tables: readonly Table[],
  context: ModuleContext,
): ByteWriter | undefined {
  const filling = [...tables.entries()].filter(([, table]) => isFunctionTable(table));
  const referenced = [...context.referenced];
  const count = elements.length + filling.length + (referenced.length > 0 ? 1 : 0);
  return vector(count, (writer, index) => {
    const own = elements[index];
    const fill = filling[index - elements.length];
    if (own !== undefined) ownElements(writer, own, tables, context);
    else if (fill !== undefined) fillTable(writer, fill[0], fill[1], context);
    else {
      writer.u32(3).u8(0).u32(referenced.length);
      for (const target of referenced) writer.u32(target);
    }
  });
}

function fillTable(writer: ByteWriter, index: number, { wide }: Table, { functions }: ModuleContext): void {
  if (index === 0) writer.u32(0);
  else writer.u32(2).u32(index);
  offset(writer, wide, 0, 0);
  if (index !== 0) writer.u8(0);
  writer.u32(functions.length);
  for (const target of functions.keys()) writer.u32(target);
}

function ownElements(
  writer: ByteWriter,
  { type, plan, table, form, expressions }: Elements,
  tables: readonly Table[],
  context: ModuleContext,
): void {
  const flag = (form === 'active' ? 2 : form === 'passive' ? 1 : 3) | (expressions ? 4 : 0);
  writer.u32(flag);
  if (form === 'active') {
    writer.u32(table);
    offset(writer, tables[table]!.wide, 20 + (plan.offset % 8), plan.kind);
  }
  if (expressions) context.types.value(writer, type);
  else writer.u8(0);
  const length = 1 + (plan.length % 4);
  writer.u32(length);
  for (let index = 0; index < length; index++) {
    if (expressions) constantReference(writer, type, context, plan.detail + index).u8(0x0b);
    else writer.u32((plan.detail + index) % context.functions.length);
  }
}

/** An offset: a constant, the imported base, or their sum. */
function offset(writer: ByteWriter, wide: boolean, value: number, form: number): void {
  if (wide) {
    writer.u8(0x42).s64(BigInt(value));
    if (form % 4 === 3) writer.u8(0x42).s64(1n).u8(0x7c);
  } else if (form % 4 === 1) {
    writer.u8(0x23).u32(0);
  } else {
    writer.u8(0x41).s32(value);
    if (form % 4 === 3) writer.u8(0x23).u32(0).u8(0x6a);
  }
  writer.u8(0x0b);
}

const isPassive = ({ detail }: SegmentPlan): boolean => detail % 2 === 1;

function dataSection(
  segments: readonly SegmentPlan[],
  memories: readonly Memory[],
  { dataSegments }: ModuleContext,
): ByteWriter | undefined {
  return vector(dataSegments.length, (writer, index) => {
    const { kind, offset: at, length, detail } = segments[index]!;
    const memory = kind % memories.length;
    if (isPassive(segments[index]!)) {
      writer.u32(1);
    } else {
      if (memory === 0) writer.u32(0);
      else writer.u32(2).u32(memory);
      offset(writer, memories[memory]!.wide, detail % 31 === 30 ? 0x1fffc : at * 64, kind >> 1);
    }
    const bytes = Uint8Array.from({ length: 4 + (length % 32) }, (_, position) => (detail + position * 7) & 0xff);
    writer.u32(bytes.length).raw(bytes);
  });
}
