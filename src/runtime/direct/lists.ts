import { readBytes, trap, writeBytes } from '#runtime/exchange';
import { TYPED_ARRAY_BYTES } from '../heap-cost.ts';
import type { MemoryView } from './memory-view.ts';
import { allocate, type Realloc } from './strings.ts';

type Numbers = ArrayLike<number> | ArrayLike<bigint>;
/** A typed array's constructor, as far as it is used here. Memory and host are little-endian. */
interface NumbersClass {
  readonly BYTES_PER_ELEMENT: number;
  new (values: ArrayBufferLike | ArrayLike<never>, offset?: number, length?: number): Numbers & ArrayBufferView;
}

/** Writes a list of bytes. Answers its pointer, and leaves its length in `memory.length`. */
export function storeBytes(memory: MemoryView, realloc: Realloc, value: unknown): number {
  const bytes = value instanceof Uint8Array ? value : (convert(asList(value), Uint8Array) as Uint8Array);
  const { length } = bytes;
  const pointer = allocate(memory, realloc, 1, listBytes(length, 1));
  memory.length = length;
  writeBytes(bytes, memory.u8, pointer);
  return pointer;
}

/** Copies a list of bytes out of memory. */
export function loadBytes(memory: MemoryView, pointer: number, length: number): Uint8Array {
  memory.check(pointer, length, 1, 1, 1, TYPED_ARRAY_BYTES);
  return readBytes(memory.u8, pointer, length);
}

/** Writes a list of numbers, which is a typed array or an array. Answers its pointer, and leaves its length in `memory.length`. */
export function storeNumbers(memory: MemoryView, realloc: Realloc, value: unknown, kind: NumbersClass): number {
  const size = kind.BYTES_PER_ELEMENT;
  const numbers = value instanceof kind ? value : convert(asList(value), kind);
  const length = numbers.length;
  const pointer = allocate(memory, realloc, size, listBytes(length, size));
  memory.length = length;
  memory.u8.set(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength), pointer);
  return pointer;
}

function convert(list: ArrayLike<unknown>, kind: NumbersClass): Numbers & ArrayBufferView {
  const numbers = new kind(list as ArrayLike<never>);
  if (kind === Float32Array || kind === Float64Array) return numbers;
  for (let index = 0; index < list.length; index++) {
    if (numbers[index] !== list[index]) throw new TypeError(`item ${index} of a list is out of its type's range`);
  }
  return numbers;
}

/** Copies a list of numbers out of memory. */
export function loadNumbers(memory: MemoryView, pointer: number, length: number, kind: NumbersClass): Numbers {
  const size = kind.BYTES_PER_ELEMENT;
  memory.check(pointer, length, size, size, size, TYPED_ARRAY_BYTES);
  const bytes = memory.u8.slice(pointer, pointer + length * size);
  return new kind(bytes.buffer, 0, length);
}

/** @throws {TypeError} when the value is not a list */
export function asList(value: unknown): ArrayLike<unknown> {
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return value as unknown as ArrayLike<unknown>;
  throw new TypeError(`a list is expected, not ${value === null ? 'null' : typeof value}`);
}

export function listBytes(length: number, size: number): number {
  const bytes = length * size;
  if (bytes >= 2 ** 32) trap(`a list of ${bytes} bytes is too long`);
  return bytes;
}
