import { ByteWriter } from '../byte-writer.ts';

const HEADER = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00);

/** Writes a module from its sections in order: each a number and its content. */
export function writeModule(
  sections: readonly (readonly [id: number, payload: Uint8Array])[],
): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter().raw(HEADER);
  for (const [id, payload] of sections) out.u8(id).u32(payload.length).raw(payload);
  return out.finish();
}

/** Writes the content of a code section: bodies with their local declarations. */
export function writeBodies(list: readonly Uint8Array[]): Uint8Array {
  const out = new ByteWriter().u32(list.length);
  for (const body of list) out.u32(body.length).raw(body);
  return out.view();
}
