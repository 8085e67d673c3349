import { createHash } from 'node:crypto';
import { isVivariumError } from '#core/errors';
import type { CallPath } from '#core/ports/engine';
import { hashesOfComponent, type WorldHashes } from '#registry';
import { ChildBuilder } from '#runtime';
import { whyGlue } from '#runtime/planning';
import { type ComponentSummary, WasmError } from '#wasm';
import { buildProgram } from '../build-program.ts';
import { systemClock } from '../clock.ts';
import { type ComponentSource, type ReadOptions, readSource } from '../component-source.ts';
import { checked, described, type ExportedWorld, exportedWorld } from './exported-world.ts';

/** Who meets an import: WASI's sandbox, Vivarium's host functions, or whoever loads the component. */
export type ImportStatus = 'wasi' | 'vivarium' | 'missing';

/** What `viv inspect` shows. */
export interface Inspection {
  /** `sha256:` and 64 hex digits, over the file. */
  readonly digest: string;
  readonly kind: string;
  /** The world that the exports make it: an actor, a command or a handler of HTTP requests; undefined for another. */
  readonly world: ExportedWorld | undefined;
  readonly imports: readonly { readonly name: string; readonly status: ImportStatus }[];
  readonly exports: readonly string[];
  readonly coreModules: ComponentSummary['coreModules'];
  readonly unsupported: ComponentSummary['unsupported'];
  /** The way that calls take into it and, where that is the glue, why: half a sentence that follows "it". */
  readonly calls: CallPath;
  readonly whyGlue?: string;
  /** Why it does not load, where that was asked for and is so. */
  readonly refused?: string;
  /** Hash over what it exports, by which the registry finds it, and the canonical text that the hash is taken over. */
  readonly interfaceHash: string;
  readonly interfaceText: string;
  /** The same over what it imports. */
  readonly requiresHash: string;
  readonly requirementsText: string;
}

/**
 * Reads a component without running anything of it. With `check` it is built too, in a child process and as a load does: what
 * a load would refuse is told by `refused`.
 * @throws `RUNTIME_INVALID_COMPONENT`, `RUNTIME_NOT_FOUND`
 */
export async function inspectComponent(
  source: Exclude<ComponentSource, { namespace: string }>,
  options: ReadOptions & { readonly check?: boolean | undefined } = {},
): Promise<Inspection> {
  const bytes = await readSource(source, { loadBytes: async () => undefined }, options);
  const { kind, imports, exports, coreModules, unsupported } = described(bytes);
  const { interfaceHash, interfaceText, requiresHash, requirementsText } = checked<WorldHashes>(() =>
    hashesOfComponent(bytes),
  );
  const reason = whyGlueOf(bytes);
  const refused = options.check ? await whyRefused(bytes) : undefined;
  return {
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    kind,
    world: exportedWorld(exports),
    imports: imports.map(({ name }) => ({ name, status: statusOf(name) })),
    exports: exports.map(({ name }) => name),
    coreModules,
    unsupported,
    ...(reason === undefined ? { calls: 'direct' } : { calls: 'glue', whyGlue: reason }),
    ...(refused === undefined ? {} : { refused }),
    interfaceHash,
    interfaceText,
    requiresHash,
    requirementsText,
  };
}

/** A name that is refused is told by `refused`: what can be read of the component is shown all the same. */
function whyGlueOf(bytes: Uint8Array): string | undefined {
  try {
    return whyGlue(bytes);
  } catch (error) {
    if (!(error instanceof WasmError)) throw error;
    return `cannot be read: ${error.message}`;
  }
}

async function whyRefused(bytes: Uint8Array): Promise<string | undefined> {
  const builder = new ChildBuilder({ program: buildProgram(), clock: systemClock });
  try {
    await builder.build(bytes, 'fuel');
    return undefined;
  } catch (error) {
    if (!isVivariumError(error)) throw error;
    return error.message;
  } finally {
    await builder.close();
  }
}

function statusOf(name: string): ImportStatus {
  if (/^wasi:[a-z]+\/[a-z-]+@0\.2\.\d+$/.test(name)) return 'wasi';
  return /^vivarium:actor\/[a-z-]+@0\.1\.\d+$/.test(name) ? 'vivarium' : 'missing';
}
