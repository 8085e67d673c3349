import { type BodyReader, EFFECTS, Effect } from '#metering/operators';
import { Op } from '../opcode.ts';
import { mayKeepHosts } from './host-exceptions.ts';

/**
 * Labels whose deferred cost must be known before their first branch, each named by the offset of its opening operator.
 */
export interface Foresight {
  readonly viaCell: ReadonlySet<number>;
  readonly paid: ReadonlySet<number>;
  /** The labels of `viaCell` at which a reference to something that a host has thrown may arrive. */
  readonly keepsHosts: ReadonlySet<number>;
}

export const NO_FORESIGHT: Foresight = { viaCell: new Set(), paid: new Set(), keepsHosts: new Set() };

/** Reads a body once to find the labels that exceptions or branch tables reach. */
export function foresee(reader: BodyReader, start: number, shared: ReadonlySet<number>): Foresight {
  const viaCell = new Set<number>();
  const paid = new Set<number>();
  const keepsHosts = new Set<number>();
  const open: number[] = [0];
  const mark = (set: Set<number>, second?: Set<number>): void => {
    const opener = open[open.length - 1 - reader.leb()];
    if (opener === undefined) return;
    set.add(opener);
    second?.add(opener);
  };
  const markCatches = (): void => {
    reader.skipBlockType();
    for (let left = reader.leb(); left > 0; left--) {
      const kind = reader.bytes[reader.position++] as number;
      const tag = kind < 2 ? reader.leb() : 0;
      mark(viaCell, mayKeepHosts(kind, tag, shared) ? keepsHosts : undefined);
    }
  };
  reader.position = start;
  while (reader.position < reader.end) {
    const at = reader.position;
    const opcode = reader.bytes[reader.position++] as number;
    switch (EFFECTS[opcode]) {
      case Effect.open:
        if (opcode === Op.tryTable) markCatches();
        else reader.skipImmediates(opcode);
        open.push(at);
        break;
      case Effect.close:
        if (opcode === Op.end || opcode === Op.delegate) open.pop();
        reader.skipImmediates(opcode);
        break;
      case Effect.branch:
        if (opcode !== Op.brTable) reader.skipImmediates(opcode);
        else for (let left = reader.leb(); left >= 0; left--) mark(paid);
        break;
      default:
        reader.skipImmediates(opcode);
    }
  }
  return { viaCell, paid, keepsHosts };
}
