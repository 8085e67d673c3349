import { checkNames, identify, plainlyNamed, unsupportedFeatures, WasmError } from '#wasm';
import { RuntimeError } from './errors.ts';

/**
 * Checks a component's bytes before the transpiler reads them: that they are a component, that every nested part can be read, and
 * that no name in them could act as more than a name in generated code.
 * @throws {RuntimeError} `RUNTIME_INVALID_COMPONENT`, saying what the bytes are and what to do
 */
export function validateComponent(bytes: Uint8Array): void {
  const { kind, sentence } = identify(bytes);
  if (kind !== 'component') throw new RuntimeError('RUNTIME_INVALID_COMPONENT', sentence, { details: { kind } });
  try {
    const { component } = plainlyNamed(bytes);
    checkNames(component);
    const unsupported = unsupportedFeatures(component);
    if (unsupported.length > 0) {
      throw new RuntimeError(
        'RUNTIME_INVALID_COMPONENT',
        `the component uses ${unsupported.join(', ')}, which this runtime does not run; build it without`,
        { details: { unsupported: unsupported.join(', ') } },
      );
    }
  } catch (cause) {
    if (!(cause instanceof WasmError)) throw cause;
    throw new RuntimeError('RUNTIME_INVALID_COMPONENT', cause.message, { cause, details: cause.details });
  }
}
