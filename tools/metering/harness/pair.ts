import type { GeneratedModule, ModulePlan, Signature } from '../generator/index.ts';
import { compileModule } from '../generator/index.ts';
import { Host } from './host.ts';
import { type Driver, endsRun, type Observation, outcomeOf, stateOf } from './observe.ts';

/** Two modules of one store: the second takes the first's table, memory and functions where it would take the host's. */
export interface Pair {
  readonly lender: GeneratedModule;
  readonly borrower: GeneratedModule;
  /** Functions of the first that the second imports: the import's name, and the export's. */
  readonly lent: readonly (readonly [importName: string, exportName: string])[];
}

export function pairOf(first: ModulePlan, second: ModulePlan): Pair {
  const shared = { size: 0, more: 7, kind: 0 };
  const memory = { pages: 1, more: 2, wide: false };
  const lender = compileModule({
    ...first,
    tables: [{ ...shared, exported: true, imported: false }, ...first.tables.slice(1)],
    memories: [{ ...memory, exported: true, imported: false }, ...first.memories.slice(1)],
  });
  const borrower = compileModule({
    ...second,
    tables: [{ ...shared, exported: false, imported: true }, ...second.tables.slice(1)],
    memories: [{ ...memory, exported: false, imported: true }, ...second.memories.slice(1)],
  });
  const lent = borrower.imports.flatMap((one) => {
    if (one.kind !== 'function' || !one.name.startsWith('host')) return [];
    const fitting = lender.exports.find(({ signature }) => sameType(signature, one.signature));
    return fitting === undefined ? [] : [[one.name, fitting.name] as const];
  });
  return { lender, borrower, lent };
}

function sameType(a: Signature, b: Signature): boolean {
  return a.params.join() === b.params.join() && a.results.join() === b.results.join();
}

/** Instantiates both, then calls them in turn. */
export function observePair(
  { lender, borrower, lent }: Pair,
  bytes: readonly [Uint8Array, Uint8Array],
  driver: Driver,
): Observation {
  const outcomes: string[] = [];
  const hosts: Host[] = [];
  const exports: WebAssembly.Exports[] = [];
  const start = (generated: GeneratedModule, index: 0 | 1, given: Record<string, WebAssembly.ImportValue>): boolean => {
    const host = new Host(generated, undefined, given);
    const module = new WebAssembly.Module(bytes[index] as Uint8Array<ArrayBuffer>);
    hosts.push(host);
    const outcome = outcomeOf(() => {
      exports.push(driver.instantiate(module, host.imports));
      host.attach(exports[index]!);
    });
    outcomes.push(outcome);
    return outcome.startsWith('returned');
  };
  if (start(lender, 0, {})) {
    const [first] = exports;
    const functions = lent.map(([name, from]) => [name, first![from]!] as const);
    const given = { table: first!.t0!, memory: first!.m0!, ...Object.fromEntries(functions) };
    if (start(borrower, 1, given as Record<string, WebAssembly.ImportValue>)) enter(lender, borrower);
  }
  const state = exports.flatMap((own, index) =>
    Object.entries(own).map(([name, value]) => [`${index}.${name}`, stateOf(value)] as const),
  );
  return { outcomes, host: hosts.flatMap(({ log }) => log), state: Object.fromEntries(state) };

  function enter(...generated: GeneratedModule[]): void {
    const most = Math.max(...generated.map(({ calls }) => calls.length));
    for (let round = 0; round < most; round++) {
      for (const [index, { calls }] of generated.entries()) {
        const call = calls[round];
        if (call === undefined) continue;
        const entry = exports[index]![call.name] as (...args: unknown[]) => unknown;
        outcomes.push(outcomeOf(() => driver.call(() => entry(...call.args))));
        if (endsRun(outcomes.at(-1)!)) return;
      }
    }
  }
}
