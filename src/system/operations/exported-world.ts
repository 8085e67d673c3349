import { RuntimeError } from '#runtime';
import { type ComponentSummary, describeComponent, identify, WasmError } from '#wasm';
import { type ComponentSource, type ReadOptions, readSource } from '../component-source.ts';

/** The worlds that `viv run` and `inspect` recognise by a component's exports. */
export type ExportedWorld = 'vivarium:actor/actor' | 'wasi:cli/command' | 'wasi:http/proxy' | 'wasi:http/service';

const WORLDS: readonly (readonly [exported: RegExp, world: ExportedWorld])[] = [
  [/^vivarium:actor\/lifecycle@0\.[12]\.\d+$/, 'vivarium:actor/actor'],
  [/^wasi:cli\/run@0\.[23]\.\d+$/, 'wasi:cli/command'],
  [/^wasi:http\/handler@0\.3\.\d+$/, 'wasi:http/service'],
  [/^wasi:http\/incoming-handler@0\.2\.\d+$/, 'wasi:http/proxy'],
];

/** Returns the first known world whose characteristic export is among `exports`. */
export function exportedWorld(exports: ComponentSummary['exports']): ExportedWorld | undefined {
  return WORLDS.find(([exported]) => exports.some(({ name }) => exported.test(name)))?.[1];
}

/**
 * Determines a component's world from its exports, without building or running it.
 * @throws what `readSource` throws
 */
export async function exportedWorldOf(
  source: Exclude<ComponentSource, { namespace: string }>,
  options: ReadOptions = {},
): Promise<{ readonly world: ExportedWorld | undefined; readonly exports: ComponentSummary['exports'] }> {
  const bytes = await readSource(source, { loadBytes: async () => undefined }, options);
  const { exports } = described(bytes);
  return { world: exportedWorld(exports), exports };
}

/** @throws {RuntimeError} `RUNTIME_INVALID_COMPONENT`, with a message that says what the bytes are and what to do */
export function described(bytes: Uint8Array): ComponentSummary {
  const { kind, sentence } = identify(bytes);
  if (kind !== 'component') throw new RuntimeError('RUNTIME_INVALID_COMPONENT', sentence, { details: { kind } });
  return checked(() => describeComponent(bytes));
}

export function checked<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof WasmError)) throw cause;
    throw new RuntimeError('RUNTIME_INVALID_COMPONENT', cause.message, { cause, details: cause.details });
  }
}
