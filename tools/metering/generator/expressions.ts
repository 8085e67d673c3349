import { callsGiving, emitCall } from './calls.ts';
import { type Emitter, isHostile, isNumber, part, pick } from './emitter.ts';
import { type NumberType, PLAIN, type PlainOperator } from './operators.ts';
import type { Plan } from './plan.ts';
import { statements } from './statements.ts';
import { GC_TYPES, type ReferenceType, type ValueType } from './types.ts';

type Production = (e: Emitter, plan: Plan, type: ValueType) => void;

const BY_RESULT: Readonly<Record<NumberType, readonly PlainOperator[]>> = {
  i32: giving('i32'),
  i64: giving('i64'),
  f32: giving('f32'),
  f64: giving('f64'),
  v128: giving('v128'),
};

function giving(type: NumberType): PlainOperator[] {
  return [...PLAIN.values()].filter(({ result }) => result === type);
}

/** Writes code that leaves one value of `type`. */
export function expression(e: Emitter, plan: Plan, type: ValueType): void {
  if (e.full) {
    constant(e, plan, type);
    return;
  }
  const productions = [
    ...(type === 'v128' ? VECTORS : isNumber(type) ? NUMBERS : REFERENCES),
    ...anyType(e, type),
    ...ofType(e, type),
  ];
  pick(productions, plan.choice)(e, plan, type);
}

const constant: Production = (e, { detail }, type) => {
  switch (type) {
    case 'i32':
      return e.i32(detail | 0);
    case 'i64':
      return e.i64(BigInt(detail) * (detail % 3 === 0 ? 0x1_0000_0001n : 1n));
    case 'f32':
      return e.f32(pick([detail / 8, -detail, 0.1, -0, Number.POSITIVE_INFINITY, Number.NaN, 1e-40], detail));
    case 'f64':
      return e.f64(pick([detail / 8, -detail, 0.1, -0, Number.NEGATIVE_INFINITY, Number.NaN, 1e300], detail));
    case 'v128':
      return e.v128([detail, detail * 3, 0x7fc00000, 0x3f800000]);
    default:
      return e.refNull(type);
  }
};

const localGet: Production = (e, plan, type) => {
  const mine = indicesOf(e.locals, type);
  if (mine.length === 0) return constant(e, plan, type);
  e.op('local.get', pick(mine, plan.detail));
};

const localTee: Production = (e, plan, type) => {
  const mine = indicesOf(writableLocals(e), type);
  expression(e, part(plan, 0), type);
  if (mine.length > 0) e.op('local.tee', pick(mine, plan.detail));
};

const globalGet: Production = (e, plan, type) => {
  const mine = indicesOf(
    e.module.globals.map((global) => global.type),
    type,
  );
  if (mine.length === 0) return constant(e, plan, type);
  e.op('global.get', pick(mine, plan.detail));
};

const plainOperator: Production = (e, plan, type) => {
  const all = BY_RESULT[type as NumberType].filter(
    ({ immediate, params }) =>
      (e.module.features.simd || !params.includes('v128')) &&
      (!immediate.startsWith('memory') || e.module.memories.length > 0),
  );
  plain(e, pick(all, plan.detail), plan);
};

/** Writes a plain operator with its operands, kept from trapping and from showing bits of NaNs in most places. */
export function plain(e: Emitter, operator: PlainOperator, plan: Plan): void {
  const { name, params, immediate, lanes } = operator;
  const memory = pick(e.module.memories, plan.choice >> 4);
  const memoryIndex = memory === undefined ? 0 : e.module.memories.indexOf(memory);
  for (const [index, param] of params.entries()) {
    if (index === 0 && immediate.startsWith('memory')) {
      address(e, part(plan, 0), memory!.wide);
    } else {
      expression(e, part(plan, index), param);
      guard(e, operator, index, part(plan, index));
    }
  }
  e.op(name);
  if (immediate.startsWith('memory')) {
    const alignment = (plan.choice >> 8) % (Math.log2(operator.width) + 1);
    e.code.u32(alignment | (memoryIndex > 0 ? 0x40 : 0));
    if (memoryIndex > 0) e.code.u32(memoryIndex);
    e.code.u32((plan.choice >> 3) % 16);
  }
  if (immediate === 'lane' || immediate === 'memory-lane') e.code.u8(plan.choice % lanes);
  if (immediate === 'shuffle') for (let lane = 0; lane < 16; lane++) e.code.u8((plan.choice * (lane + 1)) % 32);
  settle(e, operator);
}

const ADDRESS_MASK = 0x3fff;

/** An address well inside the first page, or, at hostile places, any. */
export function address(e: Emitter, plan: Plan, wide: boolean): void {
  masked(e, plan, wide, ADDRESS_MASK);
}

/** A number of at most `mask`, of the address type; at hostile places any number. */
export function masked(e: Emitter, plan: Plan, wide: boolean, mask: number): void {
  expression(e, plan, wide ? 'i64' : 'i32');
  if (isHostile(plan)) return;
  e.index(wide, mask);
  e.op(wide ? 'i64.and' : 'i32.and');
}

/**
 * By how much to grow: as `masked`, but never a constant, since wasmtime charges a refused growth by a small constant and
 * by nothing else. The imported global that the host shares is 0 at first.
 */
function growth(e: Emitter, plan: Plan, wide: boolean, mask: number): void {
  expression(e, plan, wide ? 'i64' : 'i32');
  e.op('global.get', SHARED_GLOBAL);
  if (!wide) e.op('i32.wrap_i64');
  e.op(wide ? 'i64.or' : 'i32.or');
  if (isHostile(plan)) return;
  e.index(wide, mask);
  e.op(wide ? 'i64.and' : 'i32.and');
}

const SHARED_GLOBAL = 1;

const NAN_SINK = /reinterpret_f|^f\d\d\.store|^f\d\dx\d\.(?:splat|replace_lane)|copysign/;

/** Keeps the operand on the stack from making `operator` trap, and its NaN bits from being seen. */
function guard(e: Emitter, { name, params }: PlainOperator, index: number, plan: Plan): void {
  const type = params[index]!;
  if (/\.(?:div|rem)_/.test(name) && index === 1 && !isHostile(plan)) {
    e.index(type === 'i64', 1);
    e.op(`${type}.or`);
  }
  if (/^i\d\d\.trunc_f/.test(name) && !isHostile(plan)) {
    const bounded = e.scratch(type);
    e.op('local.tee', bounded);
    float(e, type, 7);
    e.op('local.get', bounded);
    e.op(`${type}.abs`);
    float(e, type, 1e6);
    e.op(`${type}.lt`);
    e.op('select');
    if (name.endsWith('_u')) e.op(`${type}.abs`);
  }
  if ((type === 'f32' || type === 'f64') && NAN_SINK.test(name)) {
    const value = e.scratch(type);
    e.op('local.tee', value);
    float(e, type, Number.NaN);
    e.op('local.get', value);
    e.op('local.get', value);
    e.op(`${type}.eq`);
    e.op('select');
  }
}

function float(e: Emitter, type: ValueType, value: number): void {
  if (type === 'f32') e.f32(value);
  else e.f64(value);
}

const NAN_SOURCE = /^(f32x4|f64x2)\.(?:ceil|floor|trunc|nearest|sqrt|add|sub|mul|div|min|max|demote|promote)/;

/** Replaces what the specification leaves open in a vector: NaN bits, and results of relaxed operators. */
function settle(e: Emitter, { name, feature }: PlainOperator): void {
  const shape = NAN_SOURCE.exec(name)?.[1];
  if (shape !== undefined) {
    const value = e.scratch('v128');
    e.op('local.tee', value);
    e.v128(shape === 'f32x4' ? [0x7fc00000, 0x7fc00000, 0x7fc00000, 0x7fc00000] : [0, 0x7ff80000, 0, 0x7ff80000]);
    e.op('local.get', value);
    e.op('local.get', value);
    e.op(`${shape}.eq`);
    e.op('v128.bitselect');
  }
  if (feature === 'relaxed-simd') {
    e.v128([0, 0, 0, 0]);
    e.op('v128.and');
  }
}

const select: Production = (e, plan, type) => {
  expression(e, part(plan, 0), type);
  expression(e, part(plan, 1), type);
  expression(e, part(plan, 2), 'i32');
  if (isNumber(type) && plan.detail % 2 === 0) {
    e.op('select');
  } else {
    e.op('select t', 1);
    e.module.types.value(e.code, type);
  }
};

const ifElse: Production = (e, plan, type) => {
  expression(e, part(plan, 0), 'i32');
  e.begin('if', [type]);
  expression(e, part(plan, 1), type);
  e.op('else');
  expression(e, part(plan, 2), type);
  e.end();
};

const block: Production = (e, plan, type) => {
  e.begin('block', [type]);
  statements(e, plan.parts.slice(1));
  expression(e, part(plan, 0), type);
  e.end();
};

/** A value that leaves early through a branch, which hands it on when not taken. */
const branchThrough: Production = (e, plan, type) => {
  expression(e, part(plan, 0), type);
  const [target] = e.targets(({ types }) => types.length === 1 && types[0] === type);
  if (target === undefined) return;
  expression(e, part(plan, 1), 'i32');
  e.op('br_if', target.depth);
};

const loop: Production = (e, plan, type) => {
  const times = 1 + (plan.detail % 4);
  const counter = e.scratch('i32');
  e.i32(times);
  e.op('local.set', counter);
  e.repeated(times, () => {
    e.op('loop');
    e.blockType([type]);
    e.labels.push({ types: [], kind: 'counted', counter });
    statements(e, plan.parts.slice(1));
    countDown(e, counter);
    e.op('br_if', 0);
    expression(e, part(plan, 0), type);
    e.end();
  });
};

/** Leaves whether the loop has a pass left. */
export function countDown(e: Emitter, counter: number): void {
  if (e.module.endless) {
    e.i32(1);
    return;
  }
  e.op('local.get', counter);
  e.i32(1);
  e.op('i32.sub');
  e.op('local.tee', counter);
  e.i32(0);
  e.op('i32.gt_s');
}

const NUMBERS: readonly Production[] = [constant, localGet, plainOperator, plainOperator, plainOperator, plainOperator];
/** There are many vector operators, so they are taken more often. */
const VECTORS: readonly Production[] = [constant, localGet, ...Array<Production>(20).fill(plainOperator)];
const REFERENCES: readonly Production[] = [constant, localGet];

function anyType(e: Emitter, type: ValueType): Production[] {
  const list: Production[] = [localTee, globalGet, select, ifElse, block, branchThrough];
  if (e.weight < 150) list.push(loop);
  const calls = callsGiving(e, type);
  if (calls.length > 0) {
    const call: Production = (_, plan) => emitCall(e, pick(calls, plan.detail), plan);
    list.push(call, call);
  }
  return list;
}

function ofType(e: Emitter, type: ValueType): Production[] {
  const { features } = e.module;
  if (type === 'i32') return [...sizes(e, false), ...sizes(e, false), isNull, ...(features.gc ? GC_NUMBERS : [])];
  if (type === 'i64') return [...sizes(e, true), ...(features.gc ? [structI64] : [])];
  if (type === 'f64') return features.gc ? [structF64] : [];
  if (isNumber(type)) return [];
  return [...tableGets(e, type), ...(FROM_TYPE[type] ?? []).filter(() => features.gc), ...functionReferences(e, type)];
}

function sizes(e: Emitter, wide: boolean): Production[] {
  const list: Production[] = [];
  for (const [index, memory] of e.module.memories.entries()) {
    if (memory.wide !== wide) continue;
    list.push(
      () => e.op('memory.size', index),
      (_, plan) => {
        growth(e, part(plan, 0), wide, 1);
        e.op('memory.grow', index);
      },
    );
  }
  for (const [index, table] of e.module.tables.entries()) {
    if (table.wide !== wide) continue;
    list.push(
      () => e.op('table.size', index),
      (_, plan) => {
        expression(e, part(plan, 0), table.type);
        growth(e, part(plan, 1), wide, 3);
        e.op('table.grow', index);
      },
    );
  }
  return list;
}

function tableGets(e: Emitter, type: ValueType): Production[] {
  return [...e.module.tables.entries()]
    .filter(([, table]) => table.type === type)
    .map(([index, { wide }]) => (_, plan) => {
      masked(e, part(plan, 0), wide, 7);
      e.op('table.get', index);
    });
}

function functionReferences(e: Emitter, type: ValueType): Production[] {
  const wanted = type.startsWith('sig:') ? Number(type.slice(4)) : undefined;
  if (type !== 'funcref' && wanted === undefined) return [];
  const functions = [...e.module.functions.entries()].filter(
    ([, { signature }]) => wanted === undefined || signature === wanted,
  );
  if (functions.length === 0) return [];
  return [(_, plan) => e.refFunc(pick(functions, plan.detail)[0])];
}

const isNull: Production = (e, plan) => {
  expression(e, part(plan, 0), pick(referenceTypes(e), plan.detail));
  e.op('ref.is_null');
};

export function referenceTypes(e: Emitter): ReferenceType[] {
  const { gc, exceptions } = e.module.features;
  return [
    'funcref',
    'externref',
    ...(exceptions === 'standard' ? (['exnref'] as const) : []),
    ...(gc ? ([...GC_TYPES, 'anyref', 'i31ref', 'sig:1', 'sig:3'] as const) : []),
  ];
}

/** A reference that is not null, in most places: a fresh object stands in for a null. Leaves it and gives its local. */
export function present(e: Emitter, plan: Plan, type: ReferenceType): number {
  const kept = e.scratch(type);
  expression(e, plan, type);
  e.op('local.set', kept);
  if (!isHostile(plan)) {
    e.op('local.get', kept);
    e.op('ref.is_null');
    e.op('if');
    e.code.u8(0x40);
    e.labels.push({ types: [], kind: 'open' });
    fresh(e, plan, type);
    e.op('local.set', kept);
    e.end();
  }
  e.op('local.get', kept);
  return kept;
}

function fresh(e: Emitter, plan: Plan, type: ReferenceType): void {
  const heap = e.module.types.heap(type)!;
  if (type === 'node' || type === 'leaf') {
    e.op('struct.new_default', heap);
  } else if (type.startsWith('sig:')) {
    functionReferences(e, type)[0]?.(e, plan, type);
  } else if (type === 'i31ref') {
    e.i32(plan.detail | 0);
    e.op('ref.i31');
  } else {
    arrayLength(e, plan);
    e.op('array.new_default', heap);
  }
}

/** An odd length of at most 63, so that a remainder by the length, made odd, is always an index; or a hostile one. */
function arrayLength(e: Emitter, plan: Plan): void {
  expression(e, part(plan, 0), 'i32');
  if (isHostile(plan)) return;
  e.i32(0x3e);
  e.op('i32.and');
  e.i32(1);
  e.op('i32.or');
}

/** Leaves an index into the array in local `array`. */
export function arrayIndex(e: Emitter, plan: Plan, array: number): void {
  expression(e, plan, 'i32');
  e.op('local.get', array);
  e.op('array.len');
  e.i32(1);
  e.op('i32.or');
  e.op('i32.rem_u');
}

function structGet(name: string, field: number): Production {
  return (e, plan) => {
    const type = plan.detail % 3 === 0 ? 'leaf' : 'node';
    present(e, part(plan, 0), type);
    e.op(name, e.module.types.heap(type)!, field);
  };
}

const structI64 = structGet('struct.get', 1);
const structF64 = structGet('struct.get', 4);

function arrayGet(name: string, type: ReferenceType): Production {
  return (e, plan) => {
    const array = present(e, part(plan, 0), type);
    arrayIndex(e, part(plan, 1), array);
    e.op(name, e.module.types.heap(type)!);
  };
}

const i31Get = (name: string): Production => {
  return (e, plan) => {
    present(e, part(plan, 0), 'i31ref');
    e.op(name);
  };
};

const GC_NUMBERS: readonly Production[] = [
  structGet('struct.get', 0),
  structGet('struct.get_s', 2),
  structGet('struct.get_u', 2),
  arrayGet('array.get', 'ints'),
  arrayGet('array.get_s', 'bytes'),
  arrayGet('array.get_u', 'bytes'),
  i31Get('i31.get_s'),
  i31Get('i31.get_u'),
  (e, plan) => {
    present(e, part(plan, 0), pick(GC_TYPES.slice(2), plan.detail));
    e.op('array.len');
  },
  (e, plan) => {
    expression(e, part(plan, 0), 'node');
    expression(e, part(plan, 1), plan.detail % 2 === 0 ? 'leaf' : 'i31ref');
    e.op('ref.eq');
  },
  (e, plan) => {
    expression(e, part(plan, 0), 'anyref');
    e.op(plan.detail % 2 === 0 ? 'ref.test' : 'ref.test null');
    e.module.types.heapType(e.code, pick(['node', 'ints', 'i31ref'] as const, plan.detail));
  },
];

/** A cast that the preceding test has shown to succeed; at hostile places one that may trap. */
function cast(type: 'node' | 'leaf' | 'ints' | 'i31ref'): Production {
  return (e, plan) => {
    expression(e, part(plan, 0), 'anyref');
    if (isHostile(plan)) {
      e.op(plan.detail % 2 === 0 ? 'ref.cast' : 'ref.cast null');
      e.module.types.heapType(e.code, type);
      return;
    }
    const value = e.scratch('anyref');
    e.op('local.tee', value);
    e.op('ref.test null');
    e.module.types.heapType(e.code, type);
    e.begin('if', [type]);
    e.op('local.get', value);
    e.op('ref.cast null');
    e.module.types.heapType(e.code, type);
    e.op('else');
    e.refNull(type);
    e.end();
  };
}

function structNew(type: 'node' | 'leaf'): Production {
  return (e, plan) => {
    const heap = e.module.types.heap(type)!;
    if (plan.detail % 2 === 0) return e.op('struct.new_default', heap);
    const fields = ['i32', 'i64', 'i32', 'node', 'f64', 'anyref', ...(type === 'leaf' ? ['f32'] : [])];
    for (const [index, field] of fields.entries()) expression(e, part(plan, index), field as ValueType);
    e.op('struct.new', heap);
  };
}

function arrays(type: 'ints' | 'bytes' | 'funcs' | 'nodes', item: ValueType): Production[] {
  const heap = GC_TYPES.indexOf(type);
  return [
    (e, plan) => {
      expression(e, part(plan, 1), item);
      arrayLength(e, plan);
      e.op('array.new', heap);
    },
    (e, plan) => {
      arrayLength(e, plan);
      e.op('array.new_default', heap);
    },
    (e, plan) => {
      const length = 1 + 2 * (plan.detail % 3);
      for (let index = 0; index < length; index++) expression(e, part(plan, index), item);
      e.op('array.new_fixed', heap, length);
    },
    (e, plan) => {
      const segment = segmentFor(e, type, plan.detail);
      if (segment === undefined) return constant(e, plan, type);
      segmentRange(e, plan);
      e.op(type === 'funcs' ? 'array.new_elem' : 'array.new_data', heap, segment);
    },
  ];
}

/** Leaves offset 0 and length 1, or, at hostile places, anything. */
export function segmentRange(e: Emitter, plan: Plan): void {
  for (const [index, value] of [0, 1].entries()) {
    if (isHostile(plan)) expression(e, part(plan, index), 'i32');
    else e.i32(value);
  }
}

/** Data segments; active ones, which are gone once the module runs, only now and then. */
export function dataSegments(e: Emitter, number: number): number[] {
  const all = e.module.dataSegments;
  return [...all.keys()].filter((index) => all[index]!.passive || number % 41 === 40);
}

/** Element segments of a type; active and declared ones only now and then. */
export function elementSegments(e: Emitter, type: ReferenceType, number: number): number[] {
  const all = e.module.elementSegments;
  return [...all.keys()].filter((index) => all[index]!.type === type && (all[index]!.passive || number % 41 === 40));
}

/** A segment that arrays of `type` can be filled from. */
export function segmentFor(e: Emitter, type: ReferenceType, number: number): number | undefined {
  if (type === 'nodes') return undefined;
  const fitting = type === 'funcs' ? elementSegments(e, 'funcref', number) : dataSegments(e, number);
  return fitting.length === 0 ? undefined : pick(fitting, number);
}

const FROM_TYPE: Partial<Record<ValueType, readonly Production[]>> = {
  i31ref: [
    (e, plan) => {
      expression(e, part(plan, 0), 'i32');
      e.op('ref.i31');
    },
    cast('i31ref'),
  ],
  anyref: [
    (e, plan) => expression(e, part(plan, 0), pick([...GC_TYPES, 'i31ref'] as const, plan.detail)),
    (e, plan) => {
      expression(e, part(plan, 0), 'externref');
      e.op('any.convert_extern');
    },
  ],
  externref: [
    (e, plan) => {
      expression(e, part(plan, 0), 'anyref');
      e.op('extern.convert_any');
    },
  ],
  node: [
    structNew('node'),
    structNew('leaf'),
    cast('node'),
    structGet('struct.get', 3),
    arrayGet('array.get', 'nodes'),
    (e, plan) => {
      present(e, part(plan, 0), 'node');
      e.op('ref.as_non_null');
    },
  ],
  leaf: [structNew('leaf'), cast('leaf')],
  ints: [...arrays('ints', 'i32'), cast('ints')],
  bytes: arrays('bytes', 'i32'),
  funcs: arrays('funcs', 'funcref'),
  nodes: arrays('nodes', 'node'),
};

export function writableLocals(e: Emitter): ValueType[] {
  return e.locals.slice(0, e.parameters + e.declared);
}

export function indicesOf(types: readonly ValueType[], type: ValueType): number[] {
  return [...types.keys()].filter((index) => types[index] === type);
}
