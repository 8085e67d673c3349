import { VivariumError } from '#core';

export type WasmErrorCode = 'WASM_MALFORMED' | 'WASM_TOO_LARGE';

/** Bytes that are not what the binary format says, or more of something than we are willing to read. */
export class WasmError extends VivariumError<WasmErrorCode> {}
