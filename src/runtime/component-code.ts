import { compileFunction } from 'node:vm';
import type { ArtifactExport, CompiledArtifact } from '#core';
import { SHADOWED_GLOBALS } from './build/generated-code.ts';

/** What the generated function gives: functions by name, and interfaces as objects of functions. */
export type ComponentExports = Readonly<Record<string, unknown>>;

/** jco's `instantiate`, synchronous because the modules are compiled and the linker is. */
export type Instantiate = (
  getCoreModule: (name: string) => WebAssembly.Module,
  imports: Readonly<Record<string, unknown>>,
  instantiateCore: (module: WebAssembly.Module, imports?: WebAssembly.Imports) => { exports: WebAssembly.Exports },
) => ComponentExports;

/** The code of a component, shared by all its stores. */
export interface ComponentCode {
  readonly modules: ReadonlyMap<string, WebAssembly.Module>;
  readonly instantiate: Instantiate;
  readonly imports: readonly string[];
  readonly exports: readonly ArtifactExport[];
}

const evaluated = new WeakMap<CompiledArtifact, ComponentCode>();

/**
 * Evaluates an artifact's JavaScript as a function, once. Its text was checked when it was made and its artifact is
 * trusted; what little of the host it may name is shadowed, so that it sees no process, no console and no network.
 */
export function componentCode(compiled: CompiledArtifact): ComponentCode {
  const known = evaluated.get(compiled);
  if (known !== undefined) return known;
  const { javascript, imports, exports } = compiled.artifact;
  const build = compileFunction(`'use strict'; return (${javascript});`, [...SHADOWED_GLOBALS], {
    filename: 'vivarium:component',
  });
  const shadows: Record<(typeof SHADOWED_GLOBALS)[number], unknown> = {
    process: undefined,
    globalThis: SHADOW_GLOBAL,
    console: SILENT_CONSOLE,
    fetch: undefined,
    URL: undefined,
    Response: undefined,
    TextDecoder: StrictTextDecoder,
  };
  const instantiate = build(...SHADOWED_GLOBALS.map((name) => shadows[name])) as Instantiate;
  const code = { modules: compiled.modules, instantiate, imports, exports };
  evaluated.set(compiled, code);
  return code;
}

const nothing = (): void => {};
const SILENT_CONSOLE = Object.freeze({ debug: nothing, error: nothing, log: nothing, warn: nothing });
const SHADOW_GLOBAL = Object.freeze({ WebAssembly, process: undefined });

/** Strings from a guest that are not UTF-8 end the call: the specification says trap, never a replacement character. */
class StrictTextDecoder extends TextDecoder {
  constructor(label?: string) {
    super(label, { fatal: true, ignoreBOM: true });
  }
}
