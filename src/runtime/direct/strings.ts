import { AsciiText } from '#core/text';
import { copyBytes, type KeptText, MOST_KEPT, trap, writeAscii } from '#runtime/exchange';
import { TEXT_BYTES } from '../heap-cost.ts';
import type { MemoryView } from './memory-view.ts';

/** The guest's allocator. It may answer anything, even `undefined`, which `allocate` handles. */
export type Realloc = (old: number, oldSize: number, align: number, size: number) => number | bigint;
type WideRealloc = (old: bigint, oldSize: bigint, align: bigint, size: bigint) => bigint;

const encoder = new TextEncoder();
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const utf16 = new TextDecoder('utf-16le', { fatal: true, ignoreBOM: true });

/** The tag in a length of `latin1+utf16` that marks the string as UTF-16. */
const UTF16_TAG = 2 ** 31;
/** The same tag in a 64-bit memory. */
const WIDE_TAG = 2n ** 63n;
/** The most bytes of a string: a larger length could not be told from one with the tag. */
const MAX_STRING_BYTES = 2 ** 31 - 1;
/** Up to this length a loop is faster than the encoder and the decoder. */
const SHORT = MOST_KEPT;
/** Up to this length V8 copies a string that a loop puts together. A longer one it keeps as a chain, with an object for each character. */
const UNCHAINED = 12;

/** Asks the guest's own allocator for space. It is not trusted: unless its answer is aligned and inside of memory, this traps. */
export function allocate(memory: MemoryView, realloc: Realloc, align: number, size: number): number {
  return inside(memory, pointerOf(realloc(0, 0, align, size)), align, size);
}

function pointerOf(answer: number | bigint): number {
  return typeof answer === 'bigint' ? address(answer) : answer >>> 0;
}

/** Wraps the allocator of a 64-bit memory, so that it is called like that of a 32-bit memory. */
export function wideRealloc(realloc: WideRealloc): Realloc {
  return (old, oldSize, align, size) => realloc(BigInt(old), BigInt(oldSize), BigInt(align), BigInt(size));
}

/**
 * A guest's pointer or length of 64 bits, as a number. A value that a number cannot hold exactly is rounded, which is
 * harmless: such a value lies far beyond any memory, and so does the rounded one.
 */
export function address(value: bigint): number {
  return Number(BigInt.asUintN(64, value));
}

/** Turns a length with the tag of a 64-bit memory, which is its highest bit, into a length with the tag of a 32-bit memory. */
export function narrowTagged(value: bigint): number {
  const tagged = BigInt.asUintN(64, value);
  const length = address(tagged & ~WIDE_TAG);
  if (length >= UTF16_TAG) trap(`a string of ${length} code units is too long`);
  return tagged >= WIDE_TAG ? length + UTF16_TAG : length;
}

/** Turns a length with the tag of a 32-bit memory into one with that of a 64-bit memory. */
export function wideTagged(tagged: number): bigint {
  return tagged >= UTF16_TAG ? BigInt(tagged - UTF16_TAG) | WIDE_TAG : BigInt(tagged);
}

/** Checks what the allocator answered. It traps where that is misaligned or lies outside of memory. */
function inside(memory: MemoryView, pointer: number, align: number, size: number): number {
  const { length } = memory.live().u8;
  if ((pointer & (align - 1)) !== 0) trap(`realloc answered ${pointer}, not aligned to ${align}`);
  if (pointer + size > length) {
    trap(`realloc answered ${pointer} for ${size} bytes, which lie outside of memory`);
  }
  return pointer;
}

/** Writes a string as UTF-8. Answers its pointer, and leaves its length in `memory.length`. */
export function storeUtf8(memory: MemoryView, realloc: Realloc, value: unknown, kept: KeptText): number {
  if (typeof value !== 'string') return storeAscii(memory, realloc, value);
  const { length } = value;
  memory.length = length;
  if (length === 0) return 1;
  // Allocate once, and exactly what the string takes: the adapters of WASI preview 1 never free a block, and fail at a `realloc` of one.
  if (length > SHORT || (value !== kept.text && utf8Length(value) !== length)) {
    return storeLongUtf8(memory, realloc, value);
  }
  const pointer = allocate(memory, realloc, 1, length);
  const { view } = memory;
  if (value === kept.text) {
    copyBytes(kept.bytes, 0, view, pointer, length);
    return pointer;
  }
  writeAscii(value, view, pointer);
  kept.other(value, view, pointer);
  return pointer;
}

/** Writes an `AsciiText`, whose bytes the host has already. */
function storeAscii(memory: MemoryView, realloc: Realloc, value: unknown): number {
  if (!(value instanceof AsciiText)) throw notAString(value);
  const { block, start, length } = value;
  memory.length = length;
  if (length === 0) return 1;
  const pointer = allocate(memory, realloc, 1, length);
  copyBytes(block.bytes, start, memory.view, pointer, length);
  return pointer;
}

function storeLongUtf8(memory: MemoryView, realloc: Realloc, text: string): number {
  const bytes = utf8Length(text);
  const pointer = allocate(memory, realloc, 1, bytes);
  memory.length = bytes;
  encoder.encodeInto(text, memory.u8.subarray(pointer, pointer + bytes));
  return pointer;
}

export function storeUtf16(memory: MemoryView, realloc: Realloc, value: unknown): number {
  const text = asString(value).toWellFormed();
  const bytes = checked(text.length * 2);
  const pointer = allocate(memory, realloc, 2, bytes);
  memory.length = text.length;
  for (let index = 0; index < text.length; index++) {
    memory.view.setUint16(pointer + index * 2, text.charCodeAt(index), true);
  }
  return pointer;
}

/** Writes a string as Latin-1 where every character fits, else as UTF-16 with the tag. */
export function storeLatin1OrUtf16(memory: MemoryView, realloc: Realloc, value: unknown): number {
  const text = asString(value).toWellFormed();
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) > 0xff) {
      const pointer = storeUtf16(memory, realloc, text);
      memory.length += UTF16_TAG;
      return pointer;
    }
  }
  const pointer = allocate(memory, realloc, 2, checked(text.length));
  memory.length = text.length;
  for (let index = 0; index < text.length; index++) memory.u8[pointer + index] = text.charCodeAt(index);
  return pointer;
}

export function loadUtf8(memory: MemoryView, pointer: number, length: number): string {
  memory.check(pointer, length, 1, 1, 1, TEXT_BYTES);
  const { u8 } = memory;
  if (length > SHORT) {
    const decoded = decode(utf8, u8, pointer, length);
    // V8 may use two bytes for each character of a text that is not ASCII.
    if (decoded.length !== length) memory.charge(length);
    return decoded;
  }
  if (length > UNCHAINED) memory.charge((length - UNCHAINED) * TEXT_BYTES);
  let text = '';
  for (let index = pointer; index < pointer + length; index++) {
    const byte = u8[index] as number;
    if (byte >= 0x80) return decode(utf8, u8, pointer, length);
    text += String.fromCharCode(byte);
  }
  return text;
}

export function loadUtf16(memory: MemoryView, pointer: number, length: number): string {
  memory.check(pointer, length, 2, 2);
  return decode(utf16, memory.u8, pointer, length * 2);
}

export function loadLatin1OrUtf16(memory: MemoryView, pointer: number, length: number): string {
  if (length >= UTF16_TAG) return loadUtf16(memory, pointer, length - UTF16_TAG);
  memory.check(pointer, length, 1, 2);
  return Buffer.from(memory.u8.buffer as ArrayBuffer, pointer, length).toString('latin1');
}

/** The character with a number. It traps where the number is no Unicode scalar value. */
export function toChar(code: number): string {
  const scalar = code >>> 0;
  if (scalar > 0x10ffff || (scalar >= 0xd800 && scalar <= 0xdfff)) {
    trap(`${scalar} is not a character`);
  }
  return String.fromCodePoint(scalar);
}

/** @throws {TypeError} when the value does not begin with a character */
export function fromChar(value: unknown): number {
  const code = asString(value).codePointAt(0);
  if (code === undefined || (code >= 0xd800 && code <= 0xdfff)) throw new TypeError('a character is expected');
  return code;
}

function utf8Length(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    // A unit below 0x800 takes two bytes, any other three. A pair of surrogates takes four, and `length` counts two of them already.
    const isPair = unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00;
    if (isPair) index++;
    bytes += unit < 0x800 ? 1 : 2;
  }
  return checked(bytes);
}

function asString(value: unknown): string {
  if (typeof value !== 'string') throw notAString(value);
  return value;
}

function notAString(value: unknown): TypeError {
  return new TypeError(`a string is expected, not ${typeof value}`);
}

function checked(bytes: number): number {
  if (bytes > MAX_STRING_BYTES) trap(`a string of ${bytes} bytes is too long`);
  return bytes;
}

function decode(decoder: TextDecoder, u8: Uint8Array, pointer: number, bytes: number): string {
  try {
    return decoder.decode(u8.subarray(pointer, pointer + bytes));
  } catch {
    trap(`the string at ${pointer} is not ${decoder.encoding.toUpperCase()}`);
  }
}
