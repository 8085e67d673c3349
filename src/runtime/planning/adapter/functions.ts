import type { AttachedFunction, AttachedIndices } from '#core/ports/meter';
import { ANSWER_BYTES, ANSWER_LENGTH, Answer, MOST_ANSWERED } from '#runtime/exchange';
import {
  begin,
  body,
  branch,
  call,
  get,
  i32,
  i64,
  MEMORY_BYTES,
  memory,
  Op,
  type Operator,
  outside,
  set,
  tee,
} from './body.ts';
import type { AdapterStep } from './placing.ts';

/** What an adapter is made of: core exports of one module, whose first memory it uses, and the steps that it takes. */
export interface AdapterParts {
  /** The adapter's own name. */
  readonly name: string;
  readonly coreFunc: string;
  readonly realloc: string;
  readonly postReturn: string | undefined;
  /** The size in bytes of the record of all parameters, whose alignment is `align`. */
  readonly size: number;
  readonly align: number;
  readonly steps: readonly AdapterStep[];
  /** How many parameters the adapter itself has. */
  readonly parameters: number;
  readonly result: AdapterResult;
}

/** The layout in memory of a `result` whose ok case has no value, or an option of bytes. */
export interface AdapterResult {
  readonly size: number;
  readonly align: number;
  /** The offset of the option of bytes; undefined where the ok case has no value. */
  readonly bytesAt: number | undefined;
}

/**
 * The functions of an adapter. The exported one lowers its arguments into the guest's memory, calls the guest's function,
 * copies the answer into the exchange and cleans up; the others are called by it. They do the same as the code of
 * `function-code.ts` does from outside, in the same order.
 */
export function adapterFunctions(parts: AdapterParts): AttachedFunction[] {
  const { name, realloc } = parts;
  const parameters = Array.from({ length: parts.parameters }, () => 'i32' as const);
  return [
    { name, exported: true, parameters, results: ['i32'], body: (indices) => adapter(parts, indices) },
    inner(`allocate ${realloc}`, 2, ['i32'], (indices) => allocate(realloc, indices)),
    inner(`text ${realloc}`, 3, [], (indices) => sequence(realloc, true, indices)),
    inner(`bytes ${realloc}`, 3, [], (indices) => sequence(realloc, false, indices)),
    inner('copy in', 3, [], copyIn),
    inner('copy out', 2, [], copyOut),
  ];
}

function inner(
  name: string,
  parameters: number,
  results: AttachedFunction['results'],
  write: AttachedFunction['body'],
): AttachedFunction {
  return { name, exported: false, parameters: Array.from({ length: parameters }, () => 'i32'), results, body: write };
}

/** `(…parameters) => raw result`. Afterwards the exchange says whether the adapter has copied the result there. */
function adapter(parts: AdapterParts, indices: AttachedIndices): Uint8Array {
  const { coreFunc, realloc, postReturn, size, align, steps, result } = parts;
  const first = parts.parameters;
  const [record, raw, has] = [first, first + 1, first + 2];
  const put = call(indices.attached('put'));
  // The adapter resets the answer, because the exchange may still hold that of a call which the host made within this one.
  const unread = [begin(Op.if), i32(0), i64(0n), put, get(raw), Op.return, Op.end];
  const cleanUp = postReturn === undefined ? [] : [i32(0), i64(1n), put, get(raw), call(indices.exported(postReturn))];
  return body({ i32: 5 }, [
    ...[i32(align), i32(size), call(indices.attached(`allocate ${realloc}`)), set(record)],
    ...steps.flatMap((step) => lower(step, record, realloc, indices)),
    // From here on the guest may call its imports.
    ...[i32(0), i64(0n), put],
    ...[get(record), call(indices.exported(coreFunc)), set(raw)],
    ...[get(raw), i32(result.align - 1), Op.and],
    ...[get(raw), Op.extend, i64(BigInt(result.size)), Op.addI64, ...MEMORY_BYTES, Op.greaterI64, Op.or, ...unread],
    ...[get(raw), memory(Op.loadByte), ...unread],
    ...(result.bytesAt === undefined ? [] : liftBytes(result.bytesAt, first, unread, indices)),
    ...cleanUp,
    ...[i32(0), i64(answer(Answer.bytes)), i64(answer(Answer.none)), get(has), Op.select, put, get(raw)],
  ]);
}

function answer(kind: number): bigint {
  return BigInt(kind) << 32n;
}

/** Copies the bytes into the exchange, if the option at `at` has any. It leaves an invalid or long answer unread. */
function liftBytes(at: number, first: number, unread: readonly Operator[], indices: AttachedIndices): Operator[] {
  const [raw, has, pointer, length] = [first + 1, first + 2, first + 3, first + 4];
  return [
    ...[get(raw), memory(Op.loadByte, at), tee(has), i32(1), Op.greaterThan, ...unread],
    ...[get(has), begin(Op.if)],
    ...[get(raw), memory(Op.loadI32, at + 4), set(pointer)],
    ...[get(raw), memory(Op.loadI32, at + 8), tee(length), i32(MOST_ANSWERED), Op.greaterThan],
    ...[...outside(pointer, length), Op.or, ...unread],
    ...[i32(ANSWER_LENGTH), get(length), Op.extend, call(indices.attached('put'))],
    ...[get(pointer), get(length), call(indices.attached('copy out'))],
    Op.end,
  ];
}

function lower(step: AdapterStep, record: number, realloc: string, indices: AttachedIndices): Operator[] {
  const allocated = call(indices.attached(`allocate ${realloc}`));
  switch (step.kind) {
    case 'number':
      return [get(record), get(step.parameter), memory(STORES[step.bytes] as number, step.at)];
    case 'i64':
      return [get(record), i32(step.place), call(indices.attached('word')), memory(Op.storeI64, step.at)];
    case 'text':
    case 'bytes': {
      const write = call(indices.attached(`${step.kind} ${realloc}`));
      return [i32(step.place), get(step.length), get(record), i32(step.at), Op.add, write];
    }
    case 'empty':
      return [
        ...[get(record), i32(step.align), i32(0), allocated, memory(Op.storeI32, step.at)],
        ...[get(record), i32(0), memory(Op.storeI32, step.at + 4)],
      ];
    case 'none':
      return [get(record), i32(0), memory(Op.storeByte, step.at)];
    case 'option':
      return [
        ...[get(record), get(step.parameter), memory(Op.storeByte, step.at)],
        ...[get(step.parameter), begin(Op.if)],
        ...step.some.flatMap((part) => lower(part, record, realloc, indices)),
        Op.end,
      ];
  }
}

const STORES: Readonly<Record<number, number>> = { 1: Op.storeByte, 2: Op.storeShort, 4: Op.storeI32 };

/** `(align, size) => pointer`: calls the guest's allocator, and checks the answer because the allocator is not trusted. */
function allocate(realloc: string, indices: AttachedIndices): Uint8Array {
  const [align, size, pointer] = [0, 1, 2] as const;
  return body({ i32: 1 }, [
    ...[i32(0), i32(0), get(align), get(size), call(indices.exported(realloc)), tee(pointer)],
    ...[get(align), i32(1), Op.sub, Op.and, ...outside(pointer, size), Op.or, begin(Op.if)],
    ...[get(pointer), get(align), get(size), call(indices.attached('misplaced')), Op.end],
    get(pointer),
  ]);
}

/**
 * `(place, length, at)`: copies a text or bytes from the exchange into the guest's memory, and stores their pointer and
 * length at `at`. Nothing is allocated for an empty text.
 */
function sequence(realloc: string, isText: boolean, indices: AttachedIndices): Uint8Array {
  const [place, length, at, pointer] = [0, 1, 2, 3] as const;
  const copied = [
    ...[i32(1), get(length), call(indices.attached(`allocate ${realloc}`)), set(pointer)],
    ...[get(place), get(pointer), get(length), call(indices.attached('copy in'))],
  ];
  return body({ i32: 1 }, [
    ...(isText ? [i32(1), set(pointer), get(length), begin(Op.if), ...copied, Op.end] : copied),
    ...[get(at), get(pointer), memory(Op.storeI32), get(at), get(length), memory(Op.storeI32, 4)],
  ]);
}

/** `(from, to, length)`: copies from the exchange into memory, eight bytes at a time; the last eight overlap bytes copied before. */
function copyIn(indices: AttachedIndices): Uint8Array {
  const [from, to, length, end, rest] = [0, 1, 2, 3, 4] as const;
  const word = call(indices.attached('word'));
  const byteByByte = [
    ...[get(to), get(length), Op.add, set(end)],
    ...[begin(Op.block), begin(Op.loop), get(to), get(end), Op.equal, branch(Op.brIf, 1)],
    ...[get(to), get(rest), Op.wrap, memory(Op.storeByte)],
    ...[get(rest), i64(8n), Op.shiftRightI64, set(rest), get(to), i32(1), Op.add, set(to)],
    ...[branch(Op.br, 0), Op.end, Op.end],
  ];
  const twoHalves = [
    ...[get(to), get(rest), Op.wrap, memory(Op.storeI32), get(to), get(length), Op.add, i32(4), Op.sub],
    ...[get(rest), get(length), i32(4), Op.sub, Op.extend, i64(3n), Op.shiftLeftI64, Op.shiftRightI64, Op.wrap],
    memory(Op.storeI32),
  ];
  return body({ i32: 1, i64: 1 }, [
    ...[get(length), i32(8), Op.lessThan, begin(Op.if), get(from), word, set(rest)],
    ...[get(length), i32(4), Op.lessThan, begin(Op.if), ...byteByByte, Op.return, Op.end],
    ...[...twoHalves, Op.return, Op.end],
    ...[get(to), get(length), Op.add, i32(8), Op.sub, tee(end)],
    ...[get(from), get(length), Op.add, i32(8), Op.sub, word, memory(Op.storeI64)],
    ...[begin(Op.block), begin(Op.loop), get(to), get(end), Op.lessThan, Op.eqz, branch(Op.brIf, 1)],
    ...[get(to), get(from), word, memory(Op.storeI64)],
    ...[get(from), i32(8), Op.add, set(from), get(to), i32(8), Op.add, set(to), branch(Op.br, 0), Op.end, Op.end],
  ]);
}

/** `(from, length)`: copies from memory to the answer's place in the exchange. */
function copyOut(indices: AttachedIndices): Uint8Array {
  const [from, length, at] = [0, 1, 2] as const;
  const put = call(indices.attached('put'));
  const place = [get(at), i32(ANSWER_BYTES), Op.add, get(at), get(from), Op.add];
  const loop = (end: readonly Operator[], step: number, operators: readonly Operator[]): Operator[] => [
    ...[begin(Op.block), begin(Op.loop), get(at), ...end, Op.lessThan, Op.eqz, branch(Op.brIf, 1), ...operators],
    ...[get(at), i32(step), Op.add, set(at), branch(Op.br, 0), Op.end, Op.end],
  ];
  const word = [...place, memory(Op.loadI64), put];
  return body({ i32: 1 }, [
    ...[get(length), i32(8), Op.lessThan, begin(Op.if)],
    // `put` writes each byte as a whole word, and the next bytes overwrite the rest of that word.
    ...loop([get(length)], 1, [...place, memory(Op.loadByte), Op.extend, put]),
    ...[Op.return, Op.end],
    ...loop([get(length), i32(8), Op.sub], 8, word),
    ...[get(length), i32(8), Op.sub, set(at), ...word],
  ]);
}
