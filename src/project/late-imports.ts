/*
 * componentize-qjs runs a source's top level with its own WASI and lets every other import trap. An interface that shares
 * resources with that WASI, such as wasi:http, then has types that do not match. Therefore the component is built with another
 * name of the same length for these interfaces, and their real names are restored in the finished component.
 */
const OURS = 'wasi';
const MEANWHILE = 'late';
/** Only interfaces with this version are renamed. The bundle imports an interface with this version to have it renamed. */
const VERSION = '0.2.1';
const IN_TEXT = '0.2.2';
const NAMING_SECTIONS: readonly number[] = [10, 11];
const HEADER_BYTES = 8;

/** Replaces the names in a WIT text of WASI by those that the build uses. */
export function asLate(text: string): string {
  return text.replaceAll(`${OURS}:`, `${MEANWHILE}:`).replaceAll(`@${IN_TEXT}`, `@${VERSION}`);
}

/** Returns the name of an interface during the build. */
export function lateName(name: string): string {
  return isLate(name) ? `${MEANWHILE}${name.slice(OURS.length)}` : name;
}

function isLate(name: string): boolean {
  return name.startsWith(`${OURS}:`) && name.endsWith(`@${VERSION}`);
}

/** Restores the real names of the component's imports and exports. Inside the component, the names of the build remain. */
export function withNames(component: Uint8Array): Uint8Array {
  const bytes = Buffer.from(component);
  for (let at = HEADER_BYTES; at < bytes.length; ) {
    const id = bytes[at] as number;
    const { value: size, end: start } = leb(bytes, at + 1);
    if (NAMING_SECTIONS.includes(id)) renameIn(bytes.subarray(start, start + size));
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
