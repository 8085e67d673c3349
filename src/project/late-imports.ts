/*
 * componentize-qjs runs a source's top level with a WASI of its own and a trap for every other import. An interface that
 * shares resources with that WASI, as wasi:http does, then has types that do not fit. So the component is made with another
 * name for all of them, of the same length, which is put right in the finished component.
 */
const OURS = 'wasi';
const MEANWHILE = 'late';
/** Interfaces of this version go by the other name; the bundle's imports say so. */
const VERSION = '0.2.1';
const IN_TEXT = '0.2.2';
const IMPORTS_SECTION = 10;
const HEADER_BYTES = 8;

/** WIT text of WASI as it is called meanwhile. */
export function asLate(text: string): string {
  return text.replaceAll(`${OURS}:`, `${MEANWHILE}:`).replaceAll(`@${IN_TEXT}`, `@${VERSION}`);
}

/** What an interface is called meanwhile. */
export function lateName(name: string): string {
  return isLate(name) ? `${MEANWHILE}${name.slice(OURS.length)}` : name;
}

function isLate(name: string): boolean {
  return name.startsWith(`${OURS}:`) && name.endsWith(`@${VERSION}`);
}

/** Gives the component's imports their names back. What is inside goes on calling them by the other. */
export function withNames(component: Uint8Array): Uint8Array {
  const bytes = Buffer.from(component);
  for (let at = HEADER_BYTES; at < bytes.length; ) {
    const id = bytes[at] as number;
    const { value: size, end: start } = leb(bytes, at + 1);
    if (id === IMPORTS_SECTION) renameIn(bytes.subarray(start, start + size));
    at = start + size;
  }
  return bytes;
}

function renameIn(section: Buffer): void {
  const wanted = Buffer.from(`${MEANWHILE}:`);
  const version = Buffer.from(`@${VERSION}`);
  for (let at = section.indexOf(wanted); at !== -1; at = section.indexOf(wanted, at + 1)) {
    const length = section[at - 1] ?? 0;
    if (
      section
        .subarray(at, at + length)
        .subarray(-version.length)
        .equals(version)
    )
      section.write(OURS, at);
  }
}

function leb(bytes: Uint8Array, from: number): { value: number; end: number } {
  let [value, shift, end] = [0, 0, from];
  for (;;) {
    const byte = bytes[end++] ?? 0;
    value |= (byte & 0x7f) << shift;
    shift += 7;
    if (byte < 0x80) return { value: value >>> 0, end };
  }
}
