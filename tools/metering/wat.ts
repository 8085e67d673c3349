import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';

/** Assembles WebAssembly text. */
export function assemble(text: string): Promise<Uint8Array> {
  return parse(text);
}
