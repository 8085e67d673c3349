import { ByteWriter } from '#wasm';

const HEADER = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00);

/** Instantiates a module of metering's own, given as its sections' numbers and contents, in their order. */
export function instantiateOwn(
  sections: readonly (readonly [id: number, payload: Uint8Array])[],
  imports?: WebAssembly.Imports,
): WebAssembly.Exports {
  const out = new ByteWriter().raw(HEADER);
  for (const [id, payload] of sections) out.u8(id).u32(payload.length).raw(payload);
  return new WebAssembly.Instance(new WebAssembly.Module(out.finish()), imports).exports;
}

/** The content of a code section: bodies, each with its locals. */
export function bodies(...list: readonly Uint8Array[]): Uint8Array {
  const out = new ByteWriter().u32(list.length);
  for (const body of list) out.u32(body.length).raw(body);
  return out.view();
}
