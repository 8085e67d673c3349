import type { ByteWriter } from '#wasm';
import type { NumberType } from './operators.ts';

/** Reference types: abstract heaps by name, `node` and the like by the index in `GC_TYPES`, `sig:N` a function type. */
export type ReferenceType =
  | 'funcref'
  | 'externref'
  | 'exnref'
  | 'anyref'
  | 'i31ref'
  | 'node'
  | 'leaf'
  | 'ints'
  | 'bytes'
  | 'funcs'
  | 'nodes'
  | `sig:${number}`;

export type ValueType = NumberType | ReferenceType;

/** What a module may use beyond the first version of WebAssembly. */
export interface Features {
  readonly simd: boolean;
  readonly tailCalls: boolean;
  readonly exceptions: 'none' | 'legacy' | 'standard';
  readonly multiMemory: boolean;
  readonly memory64: boolean;
  readonly gc: boolean;
}

/** Everything at once, with one of the two encodings of exceptions. */
export function allFeatures(exceptions: Features['exceptions']): Features {
  return { simd: true, tailCalls: true, exceptions, multiMemory: true, memory64: true, gc: true };
}

/** The rec group that opens the type section of a module with GC; the position is the type index. */
export const GC_TYPES: readonly ReferenceType[] = ['node', 'leaf', 'ints', 'bytes', 'funcs', 'nodes'];

export interface Signature {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
  readonly needs?: 'simd' | 'gc' | 'standard-exceptions';
}

/** Function types of every module; those that need a feature are written only with it. */
export const SIGNATURES: readonly Signature[] = [
  { params: [], results: [] },
  { params: ['i32'], results: ['i32'] },
  { params: ['i32', 'i32'], results: ['i32'] },
  { params: ['i64'], results: ['i64'] },
  { params: ['f64', 'f32'], results: ['f64'] },
  { params: ['i32'], results: ['i32', 'i64'] },
  { params: [], results: ['i32'] },
  { params: ['i64', 'i32'], results: [] },
  { params: ['externref', 'funcref'], results: ['externref'] },
  { params: ['f32'], results: ['f32', 'f64', 'i32'] },
  { params: ['i32'], results: [] },
  { params: ['f64', 'f32'], results: ['f32'] },
  { params: ['i64', 'f64'], results: [] },
  { params: ['v128', 'i32'], results: ['v128'], needs: 'simd' },
  { params: ['i32'], results: ['v128', 'v128'], needs: 'simd' },
  { params: ['anyref'], results: ['i32'], needs: 'gc' },
  { params: ['node', 'i32'], results: ['node'], needs: 'gc' },
  { params: ['ints', 'bytes'], results: ['ints'], needs: 'gc' },
  { params: [], results: ['i64', 'f64'] },
  { params: ['i32', 'i64'], results: ['i32', 'i64'] },
  { params: [], results: ['i32', 'exnref'], needs: 'standard-exceptions' },
  { params: [], results: ['i64', 'f64', 'exnref'], needs: 'standard-exceptions' },
];

/** Tags of a module with exceptions, as indices of `SIGNATURES` without results. */
export const TAGS: readonly number[] = [0, 10, 12];

/** Whether JavaScript can give and take the type. */
export function crossesToHost(type: ValueType): boolean {
  return ['i32', 'i64', 'f32', 'f64', 'externref', 'funcref'].includes(type);
}

export function isCallableFromHost({ params, results }: Signature): boolean {
  return [...params, ...results].every(crossesToHost);
}

export function allows(features: Features, signature: Signature): boolean {
  switch (signature.needs) {
    case undefined:
      return true;
    case 'standard-exceptions':
      return features.exceptions === 'standard';
    default:
      return features[signature.needs];
  }
}

/** Writes types as the binary format does, for the modules of one set of features. */
export class TypeEncoder {
  readonly #features: Features;

  constructor(features: Features) {
    this.#features = features;
  }

  /** The type index of `SIGNATURES[signature]`. */
  signature(signature: number): number {
    const before = SIGNATURES.slice(0, signature).filter((one) => allows(this.#features, one)).length;
    return before + (this.#features.gc ? GC_TYPES.length : 0);
  }

  heap(type: ReferenceType): number | undefined {
    if (type.startsWith('sig:')) return this.signature(Number(type.slice(4)));
    const index = GC_TYPES.indexOf(type);
    return index === -1 ? undefined : index;
  }

  value(writer: ByteWriter, type: ValueType): void {
    const code = ABSTRACT[type];
    if (code !== undefined) writer.u8(code);
    else writer.u8(0x63).s32(this.heap(type as ReferenceType) ?? 0);
  }

  /** The heap type, as `ref.null` and casts take it. */
  heapType(writer: ByteWriter, type: ReferenceType): void {
    const code = ABSTRACT[type];
    if (code !== undefined) writer.u8(code);
    else writer.s32(this.heap(type) ?? 0);
  }

  values(writer: ByteWriter, types: readonly ValueType[]): void {
    writer.u32(types.length);
    for (const type of types) this.value(writer, type);
  }
}

const ABSTRACT: Readonly<Record<string, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
  funcref: 0x70,
  externref: 0x6f,
  anyref: 0x6e,
  i31ref: 0x6c,
  exnref: 0x69,
};
