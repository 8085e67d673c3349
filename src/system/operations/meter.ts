import type { MeteringMode } from '#core/ports/meter';
import { explainBytes, type ModuleExplanation, meterBytes } from '#metering';
import { type ReadOptions, readComponentPath } from '../component-source.ts';

export interface MeteredFile {
  readonly before: Uint8Array;
  readonly metered: Uint8Array;
  /** One entry for each core module with code, in the order of the file. */
  readonly modules: readonly ModuleExplanation[];
}

/**
 * Meters a core module, or every core module of a component, without running it.
 * @throws `RUNTIME_NOT_FOUND`, `METERING_…`, `WASM_…`
 */
export async function meterFile(path: string, mode: MeteringMode, options: ReadOptions = {}): Promise<MeteredFile> {
  const before = await readComponentPath(path, options);
  return { before, metered: meterBytes(before, mode), modules: explainBytes(before, mode) };
}
