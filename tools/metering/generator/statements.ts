import { callAndConsume, calls, consume, emitCall, signatureOf } from './calls.ts';
import { type Emitter, isHostile, part, pick } from './emitter.ts';
import { exceptionStatements } from './exceptions.ts';
import {
  address,
  arrayIndex,
  countDown,
  dataSegments,
  elementSegments,
  expression,
  indicesOf,
  masked,
  plain,
  present,
  referenceTypes,
  segmentFor,
  segmentRange,
  writableLocals,
} from './expressions.ts';
import { PLAIN } from './operators.ts';
import type { Plan } from './plan.ts';
import { GC_TYPES, type ReferenceType, SIGNATURES, type ValueType } from './types.ts';

type Statement = (e: Emitter, plan: Plan) => void;

export function statements(e: Emitter, plans: readonly Plan[]): void {
  for (const plan of plans) statement(e, plan);
}

/** Writes code that leaves the stack as it was. */
export function statement(e: Emitter, plan: Plan): void {
  if (e.full) return;
  const productions = [...PLAIN_STATEMENTS, ...ofModule(e), ...exceptionStatements(e)];
  pick(productions, plan.choice)(e, plan);
}

/** Every second time guarded by a condition, so that what follows a jump is often reached. */
export function sometimes(e: Emitter, plan: Plan, jump: () => void): void {
  if (plan.detail % 4 === 0) {
    jump();
    return;
  }
  expression(e, part(plan, 3), 'i32');
  e.begin('if', []);
  jump();
  e.end();
}

function valueTypes(e: Emitter): ValueType[] {
  return [
    'i32',
    'i64',
    'f32',
    'f64',
    ...(e.module.features.simd ? (['v128', 'v128', 'v128', 'v128', 'v128'] as const) : []),
    ...referenceTypes(e),
  ];
}

const nop: Statement = (e) => e.op('nop');

const drop: Statement = (e, plan) => {
  expression(e, part(plan, 0), pick(valueTypes(e), plan.detail));
  e.op('drop');
};

const localSet: Statement = (e, plan) => {
  const locals = writableLocals(e);
  if (locals.length === 0) return;
  const index = plan.detail % locals.length;
  expression(e, part(plan, 0), locals[index]!);
  e.op('local.set', index);
};

const globalSet: Statement = (e, plan) => {
  const mutable = [...e.module.globals.entries()].filter(([index, global]) => global.mutable && index !== e.module.gas);
  if (mutable.length === 0) return;
  const [index, { type }] = pick(mutable, plan.detail);
  expression(e, part(plan, 0), type);
  e.op('global.set', index);
};

const STORES = [...PLAIN.values()].filter(({ result }) => result === undefined);

const store: Statement = (e, plan) => {
  if (e.module.memories.length === 0) return;
  const usable = STORES.filter(({ feature }) => feature !== 'simd' || e.module.features.simd);
  plain(e, pick(usable, plan.detail), plan);
};

const ifElse: Statement = (e, plan) => {
  expression(e, part(plan, 0), 'i32');
  e.begin('if', []);
  statements(e, plan.parts.slice(1, 2));
  if (plan.parts.length > 2) {
    e.op('else');
    statements(e, plan.parts.slice(2));
  }
  e.end();
};

const block: Statement = (e, plan) => {
  e.begin('block', []);
  statements(e, plan.parts);
  e.end();
};

/** A block, loop or `if` that takes two values and gives two. */
const manyValued: Statement = (e, plan) => {
  const signature = SIGNATURES.findIndex(({ params, results }) => params.join() === 'i32,i64' && results.length === 2);
  expression(e, part(plan, 0), 'i32');
  expression(e, part(plan, 1), 'i64');
  const times = 1 + (plan.detail % 3);
  const looped = plan.detail % 2 === 1 && e.weight < 150;
  const counter = e.scratch('i32');
  if (looped) {
    e.i32(times);
    e.op('local.set', counter);
  }
  const either = plan.detail % 4 === 2;
  if (either) expression(e, part(plan, 2), 'i32');
  e.repeated(looped ? times : 1, () => {
    e.op(looped ? 'loop' : either ? 'if' : 'block');
    e.code.s32(e.module.types.signature(signature));
    e.labels.push(looped ? { types: [], kind: 'counted' } : { types: ['i32', 'i64'], kind: 'open' });
    statements(e, plan.parts.slice(2));
    if (either) {
      e.op('else');
      statements(e, plan.parts.slice(3));
    }
    if (looped) {
      countDown(e, counter);
      e.op('br_if', 0);
    }
    e.end();
  });
  consume(e, ['i32', 'i64'], plan);
};

function setCounter(e: Emitter, times: number): number {
  const counter = e.scratch('i32');
  e.i32(times);
  e.op('local.set', counter);
  return counter;
}

/** The check stands at the head, so any branch may go back. */
const headLoop: Statement = (e, plan) => {
  const times = plan.detail % 5;
  const counter = setCounter(e, times);
  e.begin('block', []);
  e.repeated(times + 1, () => {
    e.begin('loop', []);
    countDown(e, counter);
    e.op('i32.eqz');
    e.op('br_if', 1);
    statements(e, plan.parts);
    e.op('br', 0);
    e.end();
  });
  e.end();
};

/** Back edges in the middle and at the end. */
const tailLoop: Statement = (e, plan) => {
  // More passes now and then, for what treats the fourth or the fortieth otherwise.
  const times = 1 + (plan.detail % (e.weight === 1 && plan.choice % 3 === 0 ? 60 : 6));
  const counter = setCounter(e, times);
  e.repeated(times, () => {
    e.op('loop');
    e.code.u8(0x40);
    e.labels.push({ types: [], kind: 'counted', counter });
    statements(e, plan.parts);
    countDown(e, counter);
    e.op('br_if', 0);
    e.end();
  });
};

/** The back edge leaves from inside an `if`, and the other arm runs on. */
const ifLoop: Statement = (e, plan) => {
  const times = 1 + (plan.detail % 4);
  const counter = setCounter(e, times);
  e.repeated(times, () => {
    e.op('loop');
    e.code.u8(0x40);
    e.labels.push({ types: [], kind: 'counted', counter });
    statements(e, plan.parts.slice(2));
    countDown(e, counter);
    e.begin('if', []);
    statements(e, plan.parts.slice(0, 1));
    e.op('br', 1);
    e.op('else');
    statements(e, plan.parts.slice(1, 2));
    e.end();
    e.end();
  });
};

/** The back edge is one of a table. */
const tableLoop: Statement = (e, plan) => {
  const times = 1 + (plan.detail % 4);
  const counter = setCounter(e, times);
  e.begin('block', []);
  e.repeated(times, () => {
    e.op('loop');
    e.code.u8(0x40);
    e.labels.push({ types: [], kind: 'counted', counter });
    statements(e, plan.parts);
    countDown(e, counter);
    e.op('br_table', 2, 1, 0, 1);
    e.end();
  });
  e.end();
};

/** Two loops that begin together, and one without a body. */
const twinLoop: Statement = (e, plan) => {
  const outer = setCounter(e, 1 + (plan.detail % 3));
  const inner = setCounter(e, 1 + (plan.choice % 3));
  e.repeated(9, () => {
    e.op('loop');
    e.code.u8(0x40);
    e.labels.push({ types: [], kind: 'counted', counter: outer });
    e.op('loop');
    e.code.u8(0x40);
    e.labels.push({ types: [], kind: 'counted', counter: inner });
    statements(e, plan.parts);
    countDown(e, inner);
    e.op('br_if', 0);
    e.end();
    e.op('loop');
    e.code.u8(0x40);
    e.op('end');
    countDown(e, outer);
    e.op('br_if', 0);
    e.end();
  });
};

const continueLoop: Statement = (e, plan) => {
  const loops = e.labels.filter(({ counter }) => counter !== undefined);
  if (loops.length === 0) return;
  const label = pick(loops, plan.detail);
  countDown(e, label.counter!);
  e.op('br_if', e.labels.length - 1 - e.labels.indexOf(label));
};

const branchIf: Statement = (e, plan) => {
  const { label, depth } = pick(e.targets(), plan.detail);
  for (const [index, type] of label.types.entries()) expression(e, part(plan, index), type);
  expression(e, part(plan, 3), 'i32');
  e.op('br_if', depth);
  for (const _ of label.types) e.op('drop');
};

const branch: Statement = (e, plan) =>
  sometimes(e, plan, () => {
    const { label, depth } = pick(e.targets(), plan.detail);
    for (const [index, type] of label.types.entries()) expression(e, part(plan, index), type);
    e.op('br', depth);
  });

const branchTable: Statement = (e, plan) =>
  sometimes(e, plan, () => {
    const { label } = pick(e.targets(), plan.detail);
    const alike = e.targets(({ types }) => types.join() === label.types.join());
    for (const [index, type] of label.types.entries()) expression(e, part(plan, index), type);
    expression(e, part(plan, 3), 'i32');
    e.i32(7);
    e.op('i32.and');
    const cases = plan.choice % 6;
    e.op('br_table', cases);
    for (let at = 0; at <= cases; at++) e.code.u32(pick(alike, plan.detail + at * plan.choice).depth);
  });

const leave: Statement = (e, plan) =>
  sometimes(e, plan, () => {
    for (const [index, type] of e.results.entries()) expression(e, part(plan, index), type);
    e.op('return');
  });

const call: Statement = (e, plan) => {
  const possible = calls(e);
  if (possible.length > 0) callAndConsume(e, pick(possible, plan.detail), plan);
};

const PLAIN_STATEMENTS: readonly Statement[] = [
  nop,
  drop,
  localSet,
  localSet,
  globalSet,
  store,
  store,
  ifElse,
  ifElse,
  block,
  manyValued,
  continueLoop,
  branchIf,
  branch,
  branchTable,
  leave,
  call,
  call,
  call,
];

const LOOPS: readonly Statement[] = [headLoop, tailLoop, tailLoop, ifLoop, tableLoop, twinLoop];

function ofModule(e: Emitter): Statement[] {
  const { memories, tables, features } = e.module;
  return [
    ...(e.weight < 100 ? LOOPS : []),
    ...(memories.length > 0 ? MEMORY : []),
    ...(tables.length > 0 ? TABLE : []),
    ...(features.tailCalls ? [tailCall] : []),
    ...(features.gc ? GC : []),
    trap,
  ];
}

const trap: Statement = (e, plan) => {
  if (plan.detail % 7 !== 6) return;
  expression(e, part(plan, 0), 'i32');
  e.i32(0x3f3f);
  e.op('i32.eq');
  e.begin('if', []);
  e.op('unreachable');
  e.end();
};

const tailCall: Statement = (e, plan) => {
  const fitting = calls(e).filter(({ target }) => signatureOf(e, target).results.join() === e.results.join());
  if (fitting.length === 0) return;
  sometimes(e, plan, () => emitCall(e, pick(fitting, plan.detail), plan, true));
};

/** Bytes of one bulk operation; hostile lengths are often refused, and cost little when they are not. */
const LENGTH = 0x7f;

const MEMORY: readonly Statement[] = [
  (e, plan) => {
    const index = plan.detail % e.module.memories.length;
    const { wide } = e.module.memories[index]!;
    address(e, part(plan, 0), wide);
    expression(e, part(plan, 1), 'i32');
    masked(e, part(plan, 2), wide, LENGTH);
    e.op('memory.fill', index);
  },
  (e, plan) => {
    const to = plan.detail % e.module.memories.length;
    const from = plan.choice % e.module.memories.length;
    const wide = [e.module.memories[to]!.wide, e.module.memories[from]!.wide] as const;
    address(e, part(plan, 0), wide[0]);
    address(e, part(plan, 1), wide[1]);
    masked(e, part(plan, 2), wide[0] && wide[1], LENGTH);
    e.op('memory.copy', to, from);
  },
  (e, plan) => {
    const segments = dataSegments(e, plan.choice);
    if (segments.length === 0) return;
    const index = plan.detail % e.module.memories.length;
    address(e, part(plan, 0), e.module.memories[index]!.wide);
    segmentRange(e, plan);
    e.op('memory.init', pick(segments, plan.choice), index);
  },
  (e, plan) => {
    const { length } = e.module.dataSegments;
    if (length > 0 && plan.detail % 7 === 6) e.op('data.drop', plan.choice % length);
  },
];

const TABLE: readonly Statement[] = [
  (e, plan) => {
    const index = plan.detail % e.module.tables.length;
    const { wide, type } = e.module.tables[index]!;
    tableAddress(e, part(plan, 0), wide);
    expression(e, part(plan, 1), type);
    e.op('table.set', index);
  },
  (e, plan) => {
    const index = plan.detail % e.module.tables.length;
    const { wide, type } = e.module.tables[index]!;
    tableAddress(e, part(plan, 0), wide);
    expression(e, part(plan, 1), type);
    masked(e, part(plan, 2), wide, 3);
    e.op('table.fill', index);
  },
  (e, plan) => {
    const to = plan.detail % e.module.tables.length;
    const { type, wide } = e.module.tables[to]!;
    const alike = indicesOf(
      e.module.tables.map((table) => table.type),
      type,
    );
    const from = pick(alike, plan.choice);
    const fromWide = e.module.tables[from]!.wide;
    tableAddress(e, part(plan, 0), wide);
    tableAddress(e, part(plan, 1), fromWide);
    masked(e, part(plan, 2), wide && fromWide, 3);
    e.op('table.copy', to, from);
  },
  (e, plan) => {
    const index = plan.detail % e.module.tables.length;
    const { type, wide } = e.module.tables[index]!;
    const segments = elementSegments(e, type, plan.choice);
    if (segments.length === 0) return;
    tableAddress(e, part(plan, 0), wide);
    segmentRange(e, plan);
    e.op('table.init', pick(segments, plan.choice), index);
  },
  (e, plan) => {
    const { length } = e.module.elementSegments;
    if (length > 0 && plan.detail % 7 === 6) e.op('elem.drop', plan.choice % length);
  },
];

/** Slots 32 to 39, behind those that indirect calls use; at hostile places any. */
function tableAddress(e: Emitter, plan: Plan, wide: boolean): void {
  masked(e, plan, wide, 7);
  e.index(wide, 32);
  e.op(wide ? 'i64.or' : 'i32.or');
}

const GC: readonly Statement[] = [
  (e, plan) => {
    const type = plan.detail % 2 === 0 ? 'node' : 'leaf';
    const field = plan.choice % 6;
    present(e, part(plan, 0), type);
    expression(e, part(plan, 1), (['i32', 'i64', 'i32', 'node', 'f64', 'anyref'] as const)[field]!);
    e.op('struct.set', e.module.types.heap(type)!, field);
  },
  (e, plan) => {
    const [type, item] = pick(ARRAYS, plan.detail);
    const array = present(e, part(plan, 0), type);
    arrayIndex(e, part(plan, 1), array);
    expression(e, part(plan, 2), item);
    e.op('array.set', e.module.types.heap(type)!);
  },
  (e, plan) => {
    const [type, item] = pick(ARRAYS, plan.detail);
    const array = present(e, part(plan, 0), type);
    e.i32(0);
    expression(e, part(plan, 1), item);
    wholeLength(e, plan, array);
    e.op('array.fill', e.module.types.heap(type)!);
  },
  (e, plan) => {
    const [type] = pick(ARRAYS, plan.detail);
    const heap = e.module.types.heap(type)!;
    const to = present(e, part(plan, 0), type);
    e.i32(0);
    present(e, part(plan, 1), type);
    e.i32(0);
    if (plan.choice % 2 === 0) e.i32(1);
    else wholeLength(e, plan, to);
    e.op('array.copy', heap, heap);
  },
  (e, plan) => {
    const [type] = pick(ARRAYS, plan.detail);
    const segment = segmentFor(e, type, plan.choice);
    if (segment === undefined) return;
    present(e, part(plan, 0), type);
    e.i32(0);
    segmentRange(e, plan);
    e.op(type === 'funcs' ? 'array.init_elem' : 'array.init_data', e.module.types.heap(type)!, segment);
  },
  (e, plan) => {
    const type = pick([...GC_TYPES, 'externref', 'anyref'] as const, plan.detail);
    e.begin('block', []);
    expression(e, part(plan, 0), type);
    e.op('br_on_null', 0);
    e.op('drop');
    statements(e, plan.parts.slice(1));
    e.end();
  },
  (e, plan) => {
    const type = pick([...GC_TYPES, 'externref', 'anyref'] as const, plan.detail);
    e.begin('block', [type]);
    expression(e, part(plan, 0), type);
    e.op('br_on_non_null', 0);
    statements(e, plan.parts.slice(1));
    e.refNull(type);
    e.end();
    e.op('drop');
  },
  (e, plan) => {
    const to = pick(['node', 'ints', 'i31ref'] as const, plan.detail);
    const failing = plan.choice % 2 === 1;
    e.begin('block', [failing ? 'anyref' : to]);
    expression(e, part(plan, 0), 'anyref');
    e.op(failing ? 'br_on_cast_fail' : 'br_on_cast');
    e.code.u8(0b11).u32(0);
    e.module.types.heapType(e.code, 'anyref');
    e.module.types.heapType(e.code, to);
    e.op('drop');
    statements(e, plan.parts.slice(1));
    e.refNull(failing ? 'anyref' : to);
    e.end();
    e.op('drop');
  },
];

const ARRAYS: readonly (readonly [ReferenceType, ValueType])[] = [
  ['ints', 'i32'],
  ['bytes', 'i32'],
  ['funcs', 'funcref'],
  ['nodes', 'node'],
];

function wholeLength(e: Emitter, plan: Plan, array: number): void {
  if (isHostile(plan)) {
    expression(e, part(plan, 3), 'i32');
    return;
  }
  e.op('local.get', array);
  e.op('array.len');
}
