import { ByteWriter } from '#wasm';

const PREAMBLE = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00);
const COMPONENT_SECTION = 4;

/**
 * Whether a component is valid, by a validator that is not the transpiler's: what the transpiler alone cannot do does
 * not refuse a component that needs no glue. The component is nested into one that is otherwise empty, so that all of it
 * is validated and nothing more is done with it.
 */
export async function isValidComponent(component: Uint8Array): Promise<boolean> {
  const { componentWit } = await import('@bytecodealliance/jco-transpile/wasm-tools');
  const around = new ByteWriter(component.length + 16);
  around.raw(PREAMBLE).u8(COMPONENT_SECTION).u32(component.length).raw(component);
  try {
    await componentWit(around.finish());
    return true;
  } catch {
    return false;
  }
}
