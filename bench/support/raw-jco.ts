// The peer "raw jco": a component transpiled and called as jco ships it, unmetered, with nothing around it.
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { transpileBytes } from '@bytecodealliance/jco-transpile';
import type { ComponentMessage } from '#core/messages';

export interface RawLifecycle {
  initialize(config: unknown): void;
  handleMessage(message: ComponentMessage): Uint8Array | undefined;
}

/** Makes instances of one actor whose modules are compiled once. */
export async function rawJco(component: Uint8Array): Promise<() => RawLifecycle> {
  const make = await rawExports<{ readonly lifecycle: RawLifecycle }>(component);
  return () => make().lifecycle;
}

/** The same for a component of any world: what its instances export. */
export async function rawExports<E>(component: Uint8Array): Promise<() => E> {
  const { files } = await transpileBytes(component, { name: 'raw', instantiation: 'async', wasiShim: false });
  const folder = await mkdtemp(join(tmpdir(), 'vivarium-bench-'));
  const script = join(folder, 'raw.mjs');
  await writeFile(script, files['raw.js'] as Uint8Array);
  const { instantiate } = (await import(pathToFileURL(script).href)) as {
    instantiate: (get: unknown, imports: unknown, core: unknown) => E;
  };
  const modules = new Map<string, WebAssembly.Module>();
  for (const [name, bytes] of Object.entries(files)) {
    if (name.endsWith('.wasm')) modules.set(name, await WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>));
  }
  return () =>
    instantiate(
      (name: string) => modules.get(name),
      {},
      (module: WebAssembly.Module, imports?: WebAssembly.Imports) => new WebAssembly.Instance(module, imports),
    );
}
