import { VivariumError } from '#core/errors';

export type WasmErrorCode =
  | 'WASM_HOSTILE_NAME'
  | 'WASM_MALFORMED'
  | 'WASM_NOT_A_COMPONENT'
  | 'WASM_TOO_LARGE'
  | 'WASM_UNSUPPORTED';

/** Reports bytes that do not follow the binary format, or that exceed a bound of the reader. */
export class WasmError extends VivariumError<WasmErrorCode> {}
