import { type ErrorKind, VivariumError } from '#core/errors';

const KINDS = {
  WASM_HOSTILE_NAME: 'refused',
  WASM_MALFORMED: 'refused',
  WASM_NOT_A_COMPONENT: 'refused',
  WASM_TOO_LARGE: 'refused',
  WASM_UNSUPPORTED: 'refused',
} as const satisfies Record<string, ErrorKind>;

export type WasmErrorCode = keyof typeof KINDS;

/** Reports bytes that do not follow the binary format, or that exceed a bound of the reader. */
export class WasmError extends VivariumError<WasmErrorCode> {
  static override readonly kinds: Readonly<Record<string, ErrorKind>> = KINDS;
}
