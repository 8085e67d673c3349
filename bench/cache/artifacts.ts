import { readFileSync } from 'node:fs';
import { transpileBytes } from '@bytecodealliance/jco-transpile';
import type { Artifact } from '#core/ports/artifact';
import { meter } from '#metering';

/** What the product would build of a component, made in this process. */
export async function artifactOf(component: string | Uint8Array): Promise<Artifact> {
  const bytes = typeof component === 'string' ? readFileSync(component) : component;
  const { files, imports } = await transpileBytes(bytes, {
    name: 'component',
    instantiation: 'async',
    wasiShim: false,
  });
  const modules = Object.entries(files).filter(([name]) => name.endsWith('.wasm'));
  return {
    javascript: Buffer.from(files['component.js'] as Uint8Array).toString(),
    coreModules: modules.map(([name, wasm]) => ({ name, bytes: meter.meterModule(wasm as Uint8Array, 'fuel').bytes })),
    imports,
    exports: [],
    meteringMode: 'fuel',
  };
}
