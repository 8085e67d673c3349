import { ByteWriter } from '#wasm';
import { RuntimeError } from '../errors.ts';
import { isRefusal, reasonOf } from './reader-reason.ts';

const PREAMBLE = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00);
const COMPONENT_SECTION = 4;

/**
 * Why a component is not valid, or undefined where it is, by a validator that is not the transpiler's: what the transpiler alone cannot do does
 * not refuse a component that needs no glue. The component is nested into one that is otherwise empty, so that all of it
 * is validated and nothing more is done with it.
 * @throws {RuntimeError} `RUNTIME_INVALID_COMPONENT` when the validator panics
 */
export async function whyInvalid(component: Uint8Array): Promise<string | undefined> {
  const { componentWit } = await import('@bytecodealliance/jco-transpile/wasm-tools');
  const around = new ByteWriter(component.length + 16);
  around.raw(PREAMBLE).u8(COMPONENT_SECTION).u32(component.length).raw(component);
  try {
    await componentWit(around.finish());
    return undefined;
  } catch (thrown) {
    if (isRefusal(thrown)) return reasonOf(thrown);
    // A panic: the validator cannot be used any more, and neither can this process.
    throw new RuntimeError('RUNTIME_INVALID_COMPONENT', `the component cannot be validated: ${reasonOf(thrown)}`, {
      cause: thrown,
    });
  }
}
