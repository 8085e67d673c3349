import { coreModule } from '#wasm';

/** Instantiates a module of metering's own, given as its sections' numbers and contents, in their order. */
export function instantiateOwn(
  sections: readonly (readonly [id: number, payload: Uint8Array])[],
  imports?: WebAssembly.Imports,
): WebAssembly.Exports {
  return new WebAssembly.Instance(new WebAssembly.Module(coreModule.writeModule(sections)), imports).exports;
}
