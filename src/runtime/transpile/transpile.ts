import type { ArtifactExport } from '#core/ports/artifact';
import { TRANSPILE_OPTIONS } from '#runtime/build';
import { RuntimeError } from '../errors.ts';
import { reasonOf } from './reader-reason.ts';

/** What jco makes of a component, before metering. */
export interface TranspiledComponent {
  readonly javascript: string;
  readonly coreModules: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  readonly imports: readonly string[];
  readonly exports: readonly ArtifactExport[];
}

/** Loads the transpiler. Repeated calls load it only once. */
export async function loadTranspiler() {
  // This imports only the transpiler. The main entry of jco's package would also load its optimiser and its minifier.
  const { $init, generate } = await import('#transpiler/component');
  await $init;
  return generate;
}

/**
 * Turns a component into JavaScript and core modules. This is synchronous work of up to some hundred milliseconds, and a panic poisons
 * every later call in the same thread. Run it in a child process that can be replaced.
 * @throws {RuntimeError} `RUNTIME_INVALID_COMPONENT`
 */
export async function transpile(component: Uint8Array): Promise<TranspiledComponent> {
  const generate = await loadTranspiler();
  const { checkGeneratedCode } = await import('./generated-code.ts');
  const { plainlyNamed } = await import('#wasm');
  let result: ReturnType<typeof generate>;
  try {
    const { bytes } = plainlyNamed(component);
    result = generate(bytes, { ...TRANSPILE_OPTIONS, map: await versionedImports(bytes) });
  } catch (cause) {
    throw new RuntimeError('RUNTIME_INVALID_COMPONENT', `the component cannot be transpiled: ${reasonOf(cause)}`, {
      cause,
    });
  }
  const script = result.files.find(([name]) => name === `${TRANSPILE_OPTIONS.name}.js`)?.[1];
  if (script === undefined) throw new RuntimeError('RUNTIME_INVALID_COMPONENT', 'the component gave no code to run');
  const coreModules = result.files.filter(([name]) => name.endsWith('.wasm'));
  return {
    javascript: checkGeneratedCode(new TextDecoder().decode(script)),
    coreModules: coreModules.map(([name, bytes]) => ({ name, bytes })),
    imports: result.imports,
    exports: result.exports.map(([name, kind]) => ({ name, kind })),
  };
}

/**
 * Maps each imported interface to its full name. By default jco drops versions, and then the same functions would serve two versions
 * of an interface.
 */
async function versionedImports(component: Uint8Array): Promise<[string, string][]> {
  const { describeComponent } = await import('#wasm');
  return describeComponent(component)
    .imports.filter(({ kind, name }) => kind === 'instance' && name.includes('@'))
    .map(({ name }) => [name, name]);
}
