import type { ContextImport } from '#core/ports/meter';
import type { LinkedComponent } from '#wasm';

interface ContextUse extends ContextImport {
  readonly instance: number;
  readonly wide: boolean;
}

/**
 * Which core modules read and set the numbers of their threads (`context.get` and `context.set`) as globals. One module may be
 * instantiated several times, and is rewritten once; so all its instances must be given the same built-ins under the same names. A number that
 * a component instance uses both with 32 and with 64 bits is no global.
 */
export class PlannedContexts {
  /** By the number of the core module in the file. */
  readonly imports: ReadonlyMap<number, readonly ContextImport[]>;
  /** The numbers that are globals. */
  readonly globals: readonly { readonly instance: number; readonly slot: number; readonly wide: boolean }[];
  /** The component instances that use numbers, as globals or not. */
  readonly instances: ReadonlySet<number>;
  readonly #steps: readonly (readonly ContextUse[])[];
  readonly #modules: readonly number[];

  constructor({ steps }: LinkedComponent) {
    const all = steps.map(({ args }) => usesOf(args));
    const widths = new Map<string, boolean>();
    const mixed = new Set<string>();
    this.instances = new Set(all.flat().map(({ instance }) => instance));
    for (const use of all.flat()) {
      const key = placeOf(use);
      if ((widths.get(key) ?? use.wide) !== use.wide) mixed.add(key);
      widths.set(key, use.wide);
    }
    this.#modules = steps.map(({ module }) => module);
    const imports = new Map<number, readonly ContextImport[]>();
    const excluded = new Set<number>();
    steps.forEach(({ module }, at) => {
      const uses = all[at] as readonly ContextUse[];
      const known = imports.get(module);
      const own = uses.map(({ module: from, name, slot, sets }) => ({ module: from, name, slot, sets }));
      if (known !== undefined && JSON.stringify(known) !== JSON.stringify(own)) excluded.add(module);
      if (uses.some((use) => mixed.has(placeOf(use)))) excluded.add(module);
      imports.set(module, own);
    });
    for (const [module, own] of imports) if (excluded.has(module) || own.length === 0) imports.delete(module);
    this.imports = imports;
    this.#steps = all;
    const globals = new Map(
      all.flatMap((uses, at) =>
        imports.has(this.#modules[at] as number)
          ? uses.map((use) => [placeOf(use), { instance: use.instance, slot: use.slot, wide: use.wide }] as const)
          : [],
      ),
    );
    this.globals = [...globals.values()];
  }

  /** The globals that the core instance of a step is given. */
  ofStep(step: number): readonly { readonly slot: number; readonly instance: number }[] {
    if (!this.imports.has(this.#modules[step] as number)) return [];
    const bySlot = new Map((this.#steps[step] ?? []).map(({ slot, instance }) => [slot, { slot, instance }]));
    return [...bySlot.values()];
  }
}

function usesOf(args: LinkedComponent['steps'][number]['args']): ContextUse[] {
  return args.flatMap(({ name: module, value }) =>
    value.kind !== 'exports'
      ? []
      : [...value.exports].flatMap(([name, item]) =>
          item.kind === 'builtin' && item.name.startsWith('context.')
            ? [
                {
                  module,
                  name,
                  slot: item.slot,
                  sets: item.name === 'context.set',
                  wide: item.wide,
                  instance: item.instance,
                },
              ]
            : [],
        ),
  );
}

function placeOf({ instance, slot }: { readonly instance: number; readonly slot: number }): string {
  return `${instance} ${slot}`;
}
