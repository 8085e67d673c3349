import type { ArtifactExport } from '#core/ports/artifact';
import { TRANSPILE_OPTIONS } from '#runtime/build';
import { RuntimeError } from '../errors.ts';
import { reasonOf } from './reader-reason.ts';

/** A component as jco leaves it, before metering. */
export interface TranspiledComponent {
  readonly javascript: string;
  readonly coreModules: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  readonly imports: readonly string[];
  readonly exports: readonly ArtifactExport[];
}

/** Loads the transpiler; once, however often it is called. */
export async function loadTranspiler() {
  // The transpiler alone: the package's main door would load its optimiser and minifier, native code, too.
  const { $init, generate } = await import('@bytecodealliance/jco-transpile/component');
  await $init;
  return generate;
}

/**
 * Turns a component into JavaScript and core modules. Synchronous work of up to some hundred milliseconds, and a panic
 * in it poisons every later call of the thread: run it in a child process that can be thrown away.
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
 * Each imported interface under its whole name: by default jco leaves versions away, and two versions of an interface
 * would be met by the same functions.
 */
async function versionedImports(component: Uint8Array): Promise<[string, string][]> {
  const { describeComponent } = await import('#wasm');
  return describeComponent(component)
    .imports.filter(({ kind, name }) => kind === 'instance' && name.includes('@'))
    .map(({ name }) => [name, name]);
}
