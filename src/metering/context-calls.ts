import type { ContextImport } from '#core/ports/meter';
import type { coreModule } from '#wasm';
import { I32, I64 } from './opcode.ts';

/** The global that stands for the calls of an import. */
export interface ContextCall {
  readonly slot: number;
  readonly sets: boolean;
  /** The global's type, as a byte of the binary format. */
  readonly type: number;
}

/**
 * Finds the imports in place of whose calls the code uses globals, by function index. An import whose type does not fit is left out, since
 * a component that has one is not valid.
 */
export function contextCalls(
  { imports, functions, types }: coreModule.CoreModule,
  contexts: readonly ContextImport[],
): ReadonlyMap<number, ContextCall> {
  const found = new Map<number, ContextCall>();
  if (contexts.length === 0) return found;
  const byName = new Map(contexts.map((each) => [JSON.stringify([each.module, each.name]), each]));
  const ofSlots = new Map<number, number>();
  imports
    .filter(({ kind }) => kind === 'function')
    .forEach((each, index) => {
      const context = byName.get(JSON.stringify([each.module, each.name]));
      const type = types[functions[index] as number];
      if (context === undefined || type?.kind !== 'function') return;
      const { slot, sets } = context;
      const [own, other] = sets ? [type.parameters, type.results] : [type.results, type.parameters];
      const value = own[0]?.bytes;
      if (own.length !== 1 || other.length !== 0 || value?.length !== 1) return;
      const [byte] = value;
      if ((byte !== I32 && byte !== I64) || (ofSlots.get(slot) ?? byte) !== byte) return;
      ofSlots.set(slot, byte);
      found.set(index, { slot, sets, type: byte });
    });
  return found;
}
