import type { Wasmtime, WasmtimeCall, WasmtimeImport } from './wasmtime.ts';

/** One module and the calls made of it, for both sides. */
export interface Subject {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly imports: readonly WasmtimeImport[];
  readonly calls: readonly WasmtimeCall[];
  /** Runs the metered module; fuel of instantiation and of each call, and how each ended. */
  measure(): { readonly outcomes: readonly string[]; readonly costs: readonly bigint[] };
  /** What was added up by hand, where it was. */
  readonly expected?: readonly number[];
}

export type Verdict =
  | { readonly kind: 'equal'; readonly entries: number }
  | { readonly kind: 'skipped'; readonly why: string }
  | { readonly kind: 'different'; readonly what: string };

/** Compares entry by entry, up to the first whose end the fuel model makes no claim about. */
export async function compare(subject: Subject, wasmtime: Wasmtime): Promise<Verdict> {
  const theirs = await wasmtime.run(subject, subject.calls);
  if ('refused' in theirs) return { kind: 'skipped', why: theirs.refused.split('\n').at(-2)?.trim() ?? theirs.refused };
  const ours = subject.measure();
  let entries = 0;
  let before = 0n;
  for (const [index, outcome] of theirs.outcomes.entries()) {
    if (outcome.startsWith('trap')) break;
    const cost = theirs.totals[index]! - before;
    before = theirs.totals[index]!;
    const mine = ours.costs[index];
    const where = index === 0 ? 'instantiation' : `call ${index} (${subject.calls[index - 1]!.name})`;
    if (!sameEnd(outcome, ours.outcomes[index])) {
      return { kind: 'different', what: `${where}: wasmtime ${outcome}, here ${ours.outcomes[index]}` };
    }
    if (mine !== cost) return { kind: 'different', what: `${where}: wasmtime ${cost}, here ${mine}` };
    const hand = subject.expected?.[index];
    if (hand !== undefined && BigInt(hand) !== cost) {
      return { kind: 'different', what: `${where}: both ${cost}, by hand ${hand}` };
    }
    entries++;
  }
  return entries === 0 ? { kind: 'skipped', why: 'it traps at once' } : { kind: 'equal', entries };
}

function sameEnd(theirs: string, ours: string | undefined): boolean {
  if (theirs === 'unreachable') return ours === 'trap';
  return ours?.startsWith(theirs) ?? false;
}
