import { coreModule } from '#wasm';

/** Instantiates one of metering's own modules, given as its sections in order: each a number and its content. */
export function instantiateOwn(
  sections: readonly (readonly [id: number, payload: Uint8Array])[],
  imports?: WebAssembly.Imports,
): WebAssembly.Exports {
  return new WebAssembly.Instance(new WebAssembly.Module(coreModule.writeModule(sections)), imports).exports;
}
