import { RuntimeError } from './errors.ts';

/**
 * Looks at a component's bytes before anything else does.
 * @throws {RuntimeError} `RUNTIME_INVALID_COMPONENT`, saying what the bytes are and what to do
 */
export function validateComponent(bytes: Uint8Array): void {
  if (bytes.length === 0) throw new RuntimeError('RUNTIME_INVALID_COMPONENT', 'the file is empty');
}
