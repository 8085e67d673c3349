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

/** Who implements an import: WASI's sandbox, Vivarium's host functions or, if `missing`, the embedder that loads the component. */
export type ImportStatus = 'wasi' | 'vivarium' | 'missing';

/** The data that `viv inspect` shows. */
export interface Inspection {
  /** The digest of the file, as `sha256:` and 64 hex digits. */
  readonly digest: string;
  readonly kind: string;
  /** The world that its exports show: an actor, a command or an HTTP handler; undefined for any other. */
  readonly world: ExportedWorld | undefined;
  readonly imports: readonly { readonly name: string; readonly status: ImportStatus }[];
  readonly exports: readonly string[];
  readonly coreModules: ComponentSummary['coreModules'];
  readonly unsupported: ComponentSummary['unsupported'];
  /** Names of the built-ins and features that it uses of the component model's asynchronous part. */
  readonly asynchronous: ComponentSummary['asynchronous'];
  /** The path that calls take into the component. `whyGlue` is the reason for the glue, as half a sentence that follows "it". */
  readonly calls: CallPath;
  readonly whyGlue?: string;
  /** Why the component would not load; only with `check`, and only if it would not. */
  readonly refused?: string;
  /** The hash of its exports, by which the registry finds it. `interfaceText` is the canonical text that is hashed. */
  readonly interfaceHash: string;
  readonly interfaceText: string;
  /** The hash of its imports. `requirementsText` is the canonical text that is hashed. */
  readonly requiresHash: string;
  readonly requirementsText: string;
}

/**
 * Reads a component without running it. With `check`, a child process also builds it as a load would, and `refused` says why a
 * load would refuse it.
 * @throws `RUNTIME_INVALID_COMPONENT`, `RUNTIME_NOT_FOUND`
 */
export async function inspectComponent(
  source: Exclude<ComponentSource, { namespace: string }>,
  options: ReadOptions & { readonly check?: boolean | undefined } = {},
): Promise<Inspection> {
  const bytes = await readSource(source, { loadBytes: async () => undefined }, options);
  const { kind, imports, exports, coreModules, unsupported, asynchronous } = described(bytes);
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
    asynchronous,
    ...(reason === undefined ? { calls: 'direct' } : { calls: 'glue', whyGlue: reason }),
    ...(refused === undefined ? {} : { refused }),
    interfaceHash,
    interfaceText,
    requiresHash,
    requirementsText,
  };
}

/** Does not throw for an unreadable component, so that `inspect` can still show the rest; `refused` reports the fault. */
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
  if (/^wasi:[a-z]+\/[a-z-]+@0\.[23]\.\d+$/.test(name)) return 'wasi';
  return /^vivarium:actor\/[a-z-]+@0\.[12]\.\d+$/.test(name) ? 'vivarium' : 'missing';
}
