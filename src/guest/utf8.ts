// The sandbox's JavaScript engine has no TextEncoder and no TextDecoder.

/** Encodes text as UTF-8. Lone surrogates become U+FFFD, as in TextEncoder. */
export function encodeUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 3);
  let length = 0;
  for (let unit = text.charCodeAt(0); unit < 0x80; unit = text.charCodeAt(length)) bytes[length++] = unit;
  for (const character of length === 0 ? text : text.slice(length)) {
    let point = character.codePointAt(0) ?? 0;
    if (point >= 0xd800 && point <= 0xdfff) point = 0xfffd;
    if (point < 0x80) bytes[length++] = point;
    else if (point < 0x800) {
      bytes[length++] = 0xc0 | (point >> 6);
      bytes[length++] = 0x80 | (point & 0x3f);
    } else if (point < 0x10000) {
      bytes[length++] = 0xe0 | (point >> 12);
      bytes[length++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[length++] = 0x80 | (point & 0x3f);
    } else {
      bytes[length++] = 0xf0 | (point >> 18);
      bytes[length++] = 0x80 | ((point >> 12) & 0x3f);
      bytes[length++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[length++] = 0x80 | (point & 0x3f);
    }
  }
  return bytes.slice(0, length);
}

const CHUNK = 8_192;
const ASCII = /^[\0-\x7f]*$/;

/** Decodes ASCII; returns undefined for other bytes. The engine's own functions, which it uses, take a guest a hundredth of a loop's time. */
export function decodeAscii(bytes: Uint8Array): string | undefined {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK) {
    const part = String.fromCharCode.apply(null, bytes.subarray(at, at + CHUNK) as unknown as number[]);
    if (!ASCII.test(part)) return undefined;
    parts.push(part);
  }
  return parts.join('');
}

/** @throws {TypeError} if the bytes are not UTF-8. Overlong forms, surrogates and values above U+10FFFF are rejected too */
export function decodeUtf8(bytes: Uint8Array): string {
  const ascii = decodeAscii(bytes);
  if (ascii !== undefined) return ascii;
  const parts: string[] = [];
  let points: number[] = [];
  for (let index = 0; index < bytes.length; ) {
    const first = bytes[index] as number;
    const size = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (size === 0 || index + size > bytes.length) throw malformed(index);
    let point = size === 1 ? first : first & (0x7f >> size);
    for (let more = 1; more < size; more++) {
      const byte = bytes[index + more] as number;
      if ((byte & 0xc0) !== 0x80) throw malformed(index);
      point = (point << 6) | (byte & 0x3f);
    }
    const tooSmall = (size === 3 && point < 0x800) || (size === 4 && point < 0x10000);
    if (tooSmall || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) throw malformed(index);
    points.push(point);
    if (points.length === 4_096) {
      parts.push(String.fromCodePoint(...points));
      points = [];
    }
    index += size;
  }
  parts.push(String.fromCodePoint(...points));
  return parts.join('');
}

function malformed(index: number): TypeError {
  return new TypeError(`not UTF-8 at byte ${index}`);
}
