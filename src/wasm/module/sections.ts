import { ByteReader } from '../byte-reader.ts';

/** Section ids of the core binary format. Their order is not the order of sections in a module. */
export const SectionId = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const;

/** One section of a core module. `start` and `end` bound its payload, which begins after a custom section's name. */
export interface ModuleSection {
  readonly id: number;
  /** The name of a custom section. */
  readonly name: string | undefined;
  readonly start: number;
  readonly end: number;
}

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/** Whether `bytes` begin with the header of a core module. A component has another version field. */
export function isCoreModule(bytes: Uint8Array): boolean {
  return HEADER.every((byte, at) => bytes[at] === byte);
}

/** Returns the sections in order. @throws {WasmError} `WASM_MALFORMED` */
export function readModuleSections(bytes: Uint8Array): ModuleSection[] {
  const reader = new ByteReader(bytes);
  if (!isCoreModule(bytes)) throw reader.malformed('no core module begins here');
  reader.skip(HEADER.length);
  const sections: ModuleSection[] = [];
  while (!reader.done) {
    const id = reader.u8();
    const payload = reader.sub(reader.u32());
    const name = id === SectionId.custom ? payload.name() : undefined;
    sections.push({ id, name, start: payload.offset, end: payload.end });
  }
  return sections;
}
