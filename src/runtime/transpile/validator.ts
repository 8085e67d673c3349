import { ByteWriter } from '#wasm';
import { RuntimeError } from '../errors.ts';
import { isRefusal, reasonOf } from './reader-reason.ts';

const PREAMBLE = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00);
const COMPONENT_SECTION = 4;

/** Loads the validator. Repeated calls load it only once. */
export function loadValidator() {
  return import('#transpiler/wasm-tools');
}

/**
 * Returns why a component is not valid, or undefined if it is valid. This uses a validator other than the transpiler's, so that a limit
 * of the transpiler does not refuse a component that needs no glue. The component is nested into an otherwise empty one, so that the
 * tool validates all of it and does nothing more with it.
 * @throws {RuntimeError} `RUNTIME_INVALID_COMPONENT` if the validator panics
 */
export async function whyInvalid(component: Uint8Array): Promise<string | undefined> {
  const { componentWit } = await loadValidator();
  const around = new ByteWriter(component.length + 16);
  around.raw(PREAMBLE).u8(COMPONENT_SECTION).u32(component.length).raw(component);
  try {
    await componentWit(around.finish());
    return undefined;
  } catch (thrown) {
    if (isRefusal(thrown)) return reasonOf(thrown);
    // After a panic neither the validator nor this process can be used any more.
    throw new RuntimeError('RUNTIME_INVALID_COMPONENT', `the component cannot be validated: ${reasonOf(thrown)}`, {
      cause: thrown,
    });
  }
}
