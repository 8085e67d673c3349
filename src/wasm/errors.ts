import { VivariumError } from '#core/errors';

export type WasmErrorCode =
  | 'WASM_HOSTILE_NAME'
  | 'WASM_MALFORMED'
  | 'WASM_NOT_A_COMPONENT'
  | 'WASM_TOO_LARGE'
  | 'WASM_UNSUPPORTED';

/** Bytes that are not what the binary format says, or more of something than we are willing to read. */
export class WasmError extends VivariumError<WasmErrorCode> {}
