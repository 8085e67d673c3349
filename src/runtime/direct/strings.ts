import { AsciiText } from '#core/text';
import { copyBytes, type KeptText, MOST_KEPT, trap, writeAscii } from '#runtime/exchange';
import { TEXT_BYTES } from '../heap-cost.ts';
import type { MemoryView } from './memory-view.ts';

/** Guest code; `undefined` is answered for by `allocate`. */
export type Realloc = (old: number, oldSize: number, align: number, size: number) => number | bigint;
type WideRealloc = (old: bigint, oldSize: bigint, align: bigint, size: bigint) => bigint;

const encoder = new TextEncoder();
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const utf16 = new TextDecoder('utf-16le', { fatal: true, ignoreBOM: true });

/** The tag of `latin1+utf16` that says UTF-16. */
const UTF16_TAG = 2 ** 31;
/** The same in a 64-bit memory. */
const WIDE_TAG = 2n ** 63n;
/** A string of more bytes would make its length ambiguous with the tag. */
const MAX_STRING_BYTES = 2 ** 31 - 1;
/** Up to this a loop is faster than the encoder. */
const SHORT = MOST_KEPT;
/** Beyond this V8 does not copy what a loop has put together, but chains it, with an object for each character. */
const UNCHAINED = 12;

/** Space from the guest's own allocator, which is not trusted: its answer is aligned and inside of memory, or a trap. */
export function allocate(memory: MemoryView, realloc: Realloc, align: number, size: number): number {
  return inside(memory, pointerOf(realloc(0, 0, align, size)), align, size);
}

function pointerOf(answer: number | bigint): number {
  return typeof answer === 'bigint' ? address(answer) : answer >>> 0;
}

/** The allocator of a 64-bit memory, to be called as that of another. */
export function wideRealloc(realloc: WideRealloc): Realloc {
  return (old, oldSize, align, size) => realloc(BigInt(old), BigInt(oldSize), BigInt(align), BigInt(size));
}

/**
 * A guest's pointer or length of 64 bits. What a number cannot hold exactly lies far beyond any memory, and stays there when
 * it is rounded.
 */
export function address(value: bigint): number {
  return Number(BigInt.asUintN(64, value));
}

/** A length with the tag of a 64-bit memory, its highest bit, as one with that of 32 bits. */
export function narrowTagged(value: bigint): number {
  const tagged = BigInt.asUintN(64, value);
  const length = address(tagged & ~WIDE_TAG);
  if (length >= UTF16_TAG) trap(`a string of ${length} code units is too long`);
  return tagged >= WIDE_TAG ? length + UTF16_TAG : length;
}

/** The other way round. */
export function wideTagged(tagged: number): bigint {
  return tagged >= UTF16_TAG ? BigInt(tagged - UTF16_TAG) | WIDE_TAG : BigInt(tagged);
}

/** What the allocator answered, or a trap. */
function inside(memory: MemoryView, pointer: number, align: number, size: number): number {
  const { length } = memory.live().u8;
  if ((pointer & (align - 1)) !== 0) trap(`realloc answered ${pointer}, not aligned to ${align}`);
  if (pointer + size > length) {
    trap(`realloc answered ${pointer} for ${size} bytes, which lie outside of memory`);
  }
  return pointer;
}

/** Writes a string as UTF-8: its pointer; its length is in `memory.length`. */
export function storeUtf8(memory: MemoryView, realloc: Realloc, value: unknown, kept: KeptText): number {
  if (typeof value !== 'string') return storeAscii(memory, realloc, value);
  const { length } = value;
  memory.length = length;
  if (length === 0) return 1;
  // Space is asked for once, of the size that it takes: the adapters of WASI preview 1 give no block back, and end at a `realloc` of one.
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

/** Writes text of which the bytes are at hand. */
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

/** Latin-1 where every character fits, else UTF-16 with the tag. */
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
    // Text that is not ASCII may take two bytes for each of its characters.
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

/** A character by its number: a Unicode scalar value, or a trap. */
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
    // Any other beyond 0x7ff takes three bytes; a pair of surrogates four, of which each half brings one.
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
