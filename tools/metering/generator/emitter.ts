import { ByteWriter } from '#wasm';
import { type NumberType, PLAIN } from './operators.ts';
import type { Plan } from './plan.ts';
import { type Features, type ReferenceType, SIGNATURES, type TypeEncoder, type ValueType } from './types.ts';

/** Operators whose type or immediates depend on the module: prefix and opcode. */
const STRUCTURED: Readonly<Record<string, readonly number[]>> = {
  unreachable: [0x00],
  nop: [0x01],
  block: [0x02],
  loop: [0x03],
  if: [0x04],
  else: [0x05],
  try: [0x06],
  catch: [0x07],
  throw: [0x08],
  rethrow: [0x09],
  throw_ref: [0x0a],
  end: [0x0b],
  br: [0x0c],
  br_if: [0x0d],
  br_table: [0x0e],
  return: [0x0f],
  call: [0x10],
  call_indirect: [0x11],
  return_call: [0x12],
  return_call_indirect: [0x13],
  call_ref: [0x14],
  return_call_ref: [0x15],
  delegate: [0x18],
  catch_all: [0x19],
  drop: [0x1a],
  select: [0x1b],
  'select t': [0x1c],
  try_table: [0x1f],
  'local.get': [0x20],
  'local.set': [0x21],
  'local.tee': [0x22],
  'global.get': [0x23],
  'global.set': [0x24],
  'table.get': [0x25],
  'table.set': [0x26],
  'memory.size': [0x3f],
  'memory.grow': [0x40],
  'i32.const': [0x41],
  'i64.const': [0x42],
  'f32.const': [0x43],
  'f64.const': [0x44],
  'ref.null': [0xd0],
  'ref.is_null': [0xd1],
  'ref.func': [0xd2],
  'ref.eq': [0xd3],
  'ref.as_non_null': [0xd4],
  br_on_null: [0xd5],
  br_on_non_null: [0xd6],
  'memory.init': [0xfc, 8],
  'data.drop': [0xfc, 9],
  'memory.copy': [0xfc, 10],
  'memory.fill': [0xfc, 11],
  'table.init': [0xfc, 12],
  'elem.drop': [0xfc, 13],
  'table.copy': [0xfc, 14],
  'table.grow': [0xfc, 15],
  'table.size': [0xfc, 16],
  'table.fill': [0xfc, 17],
  'v128.const': [0xfd, 12],
  'struct.new': [0xfb, 0],
  'struct.new_default': [0xfb, 1],
  'struct.get': [0xfb, 2],
  'struct.get_s': [0xfb, 3],
  'struct.get_u': [0xfb, 4],
  'struct.set': [0xfb, 5],
  'array.new': [0xfb, 6],
  'array.new_default': [0xfb, 7],
  'array.new_fixed': [0xfb, 8],
  'array.new_data': [0xfb, 9],
  'array.new_elem': [0xfb, 10],
  'array.get': [0xfb, 11],
  'array.get_s': [0xfb, 12],
  'array.get_u': [0xfb, 13],
  'array.set': [0xfb, 14],
  'array.len': [0xfb, 15],
  'array.fill': [0xfb, 16],
  'array.copy': [0xfb, 17],
  'array.init_data': [0xfb, 18],
  'array.init_elem': [0xfb, 19],
  'ref.test': [0xfb, 20],
  'ref.test null': [0xfb, 21],
  'ref.cast': [0xfb, 22],
  'ref.cast null': [0xfb, 23],
  br_on_cast: [0xfb, 24],
  br_on_cast_fail: [0xfb, 25],
  'any.convert_extern': [0xfb, 26],
  'extern.convert_any': [0xfb, 27],
  'ref.i31': [0xfb, 28],
  'i31.get_s': [0xfb, 29],
  'i31.get_u': [0xfb, 30],
};

/** Every operator that generated programs can hold, by the name of the text format (`select t` has a type). */
export const OPERATORS: readonly string[] = [...Object.keys(STRUCTURED), ...PLAIN.keys()];

export interface ModuleContext {
  readonly features: Features;
  readonly types: TypeEncoder;
  /** Imports come first. `cost` is an upper bound of one call's operators, known once the function is compiled. */
  readonly functions: { signature: number; imported: boolean; recursive: boolean; cost: number }[];
  readonly memories: readonly { wide: boolean }[];
  readonly tables: readonly { type: ReferenceType; wide: boolean }[];
  readonly globals: readonly { type: ValueType; mutable: boolean }[];
  readonly dataSegments: readonly { passive: boolean }[];
  readonly elementSegments: readonly { type: ReferenceType; passive: boolean }[];
  /** The index of the global that counts entries of recursive functions down. */
  readonly gas: number;
  /** Whether counters stand still, so that loops and recursion go on without end. */
  readonly endless: boolean;
  /** Functions that some `ref.func` names and that must be declared. */
  readonly referenced: Set<number>;
  readonly used: Set<string>;
}

export interface Label {
  readonly types: readonly ValueType[];
  /** `open`: any branch may go there. `counted`: only one that counts `counter` down. `catch`: `rethrow` may name it. */
  readonly kind: 'open' | 'counted';
  readonly counter?: number;
  catching?: boolean;
}

const LEAF: Plan = { choice: 0, detail: 0, parts: [] };

/** The number of operators that one call of a generated function may run, its own loops included. */
const MAX_COST = 6_000;
const MAX_BYTES = 6_000;

/** Writes one function body: operators, labels, locals and an upper bound of what running it costs. */
export class Emitter {
  readonly module: ModuleContext;
  readonly self: number;
  readonly recursive: boolean;
  readonly results: readonly ValueType[];
  readonly locals: ValueType[];
  readonly parameters: number;
  readonly declared: number;
  readonly labels: Label[] = [];
  readonly code: ByteWriter = new ByteWriter();
  /** How often the code being written may run in one call. */
  weight = 1;
  cost = 0;

  constructor(module: ModuleContext, self: number, locals: readonly ValueType[]) {
    const { signature, recursive } = module.functions[self]!;
    const { params, results } = SIGNATURES[signature]!;
    this.module = module;
    this.self = self;
    this.recursive = recursive;
    this.results = results;
    this.locals = [...params, ...locals];
    this.parameters = params.length;
    this.declared = locals.length;
  }

  /** Whether nothing but the simplest things may still be written. */
  get full(): boolean {
    return this.cost > MAX_COST || this.code.length > MAX_BYTES;
  }

  op(name: string, ...immediates: readonly number[]): void {
    const bytes = STRUCTURED[name];
    const plain = PLAIN.get(name);
    if (bytes !== undefined) {
      this.code.u8(bytes[0]!);
      if (bytes.length > 1) this.code.u32(bytes[1]!);
    } else if (plain !== undefined) {
      if (plain.prefix === undefined) this.code.u8(plain.code);
      else this.code.u8(plain.prefix).u32(plain.code);
    } else {
      throw new Error(`no operator is called ${name}`);
    }
    for (const immediate of immediates) this.code.u32(immediate);
    this.module.used.add(name);
    this.cost += this.weight;
  }

  i32(value: number): void {
    this.op('i32.const');
    this.code.s32(value);
  }

  i64(value: bigint): void {
    this.op('i64.const');
    this.code.s64(BigInt.asIntN(64, value));
  }

  /** An address or index of a memory or table, which may have 64 bits. */
  index(wide: boolean, value: number): void {
    if (wide) this.i64(BigInt(value));
    else this.i32(value);
  }

  f32(value: number): void {
    this.op('f32.const');
    this.code.raw(new Uint8Array(new Float32Array([value]).buffer));
  }

  f64(value: number): void {
    this.op('f64.const');
    this.code.raw(new Uint8Array(new Float64Array([value]).buffer));
  }

  v128(words: readonly number[]): void {
    this.op('v128.const');
    this.code.raw(new Uint8Array(new Uint32Array(words).buffer));
  }

  refNull(type: ReferenceType): void {
    this.op('ref.null');
    this.module.types.heapType(this.code, type);
  }

  refFunc(index: number): void {
    this.module.referenced.add(index);
    this.op('ref.func', index);
  }

  /** A new local that nothing else writes. */
  scratch(type: ValueType): number {
    return this.locals.push(type) - 1;
  }

  /** A structured instruction's head with its block type; `open` says what a branch to it carries. */
  begin(name: 'block' | 'loop' | 'if' | 'try', results: readonly ValueType[], label: Partial<Label> = {}): void {
    this.op(name);
    this.blockType(results);
    this.labels.push({ types: name === 'loop' ? [] : results, kind: 'open', ...label });
  }

  blockType(results: readonly ValueType[]): void {
    const [only] = results;
    if (only === undefined) this.code.u8(0x40);
    else if (results.length === 1) this.module.types.value(this.code, only);
    else this.code.s32(this.module.types.signature(this.signatureGiving(results)));
  }

  signatureGiving(results: readonly ValueType[]): number {
    const index = SIGNATURES.findIndex(
      ({ params, results: given }) => params.length === 0 && given.join() === results.join(),
    );
    if (index === -1) throw new Error(`no block type gives ${results.join()}`);
    return index;
  }

  end(): void {
    this.op('end');
    this.labels.pop();
  }

  /** Labels that a plain branch may name, with their depth. */
  targets(accept: (label: Label) => boolean = () => true): { label: Label; depth: number }[] {
    return this.labels
      .map((label, index) => ({ label, depth: this.labels.length - 1 - index }))
      .filter(({ label }) => label.kind === 'open' && accept(label))
      .reverse();
  }

  repeated(times: number, body: () => void): void {
    const before = this.weight;
    this.weight *= times;
    body();
    this.weight = before;
  }

  bytes(): Uint8Array {
    const declared = this.locals.slice(this.parameters);
    const body = new ByteWriter().u32(declared.length);
    for (const type of declared) {
      body.u32(1);
      this.module.types.value(body, type);
    }
    return body.raw(this.code.view()).finish();
  }
}

export function part(plan: Plan, index: number): Plan {
  return plan.parts[index] ?? LEAF;
}

/** One in twenty-nine places is given a length, address or operand that is meant to trap or to be refused. */
export function isHostile(plan: Plan): boolean {
  return plan.detail % 29 === 28;
}

export function pick<T>(list: readonly T[], number: number): T {
  return list[number % list.length]!;
}

export function isNumber(type: ValueType): type is NumberType {
  return ['i32', 'i64', 'f32', 'f64', 'v128'].includes(type);
}
