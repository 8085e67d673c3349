import { ATTACHED, type AttachedCode, type AttachedFunction } from '#core/ports/meter';
import { EXCHANGE_IMPORTS } from '#runtime/exchange';
import type { CoreItem, FuncItem, FuncType, LinkedComponent, ValueType } from '#wasm';
import { Code } from '../code.ts';
import {
  layoutOf,
  layoutsOf,
  MAX_FLAT_RESULTS,
  offsetsOf,
  payloadOffset,
  payloadsOf,
  recordLayout,
  spill,
} from '../layout.ts';
import { type AdapterParts, type AdapterResult, adapterFunctions } from './functions.ts';
import { countSteps, Places, Placing, travels } from './placing.ts';

/** More would fill the stack of who calls it. */
const MOST_PARAMETERS = 64;
/** More would make of a few bytes of types a large module. */
const MOST_STEPS = 256;

interface AdapterExports extends Pick<AdapterParts, 'coreFunc' | 'realloc' | 'postReturn'> {
  readonly step: number;
  readonly module: number;
}

type LiftDefinition = Extract<FuncItem['definition'], { kind: 'lift' }>;

/** How an exported function's code uses its adapter. */
export interface AdapterUse {
  readonly index: number;
  /** Code that puts the arguments `a0`, `a1`, … in their places, and leaves the block `placing` where they do not fit. */
  readonly place: string;
  /** The names that it assigns the adapter's own parameters to. */
  readonly parameters: readonly string[];
}

/**
 * The adapters of a component: functions inside its core modules that lower, call and lift in one go, for functions whose
 * parameters go through memory and that answer a `result` of nothing or of bytes. What they are given and answer lies in
 * the exchange; what does not fit goes the other way.
 */
export class Adapters {
  readonly #places = new Places();
  readonly #functions = new Map<number, Map<string, AttachedFunction>>();
  readonly #steps = new Map<number, number[]>();
  readonly #linked: LinkedComponent;

  constructor(linked: LinkedComponent) {
    this.#linked = linked;
  }

  /** Gives an exported function one; undefined where it can have none. */
  add(index: number, type: FuncType, definition: LiftDefinition): AdapterUse | undefined {
    const exports = this.#exportsOf(definition);
    const types = type.params.map((param) => param.type);
    const result = type.result && adapterResult(type.result);
    const layouts = layoutsOf(types, false);
    if (exports === undefined || result === undefined || !spill(layouts) || !types.every(travels)) return undefined;
    const code = new Code('w');
    const placing = new Placing(code, this.#places);
    const offsets = offsetsOf(layouts);
    const steps = this.#places.tryOut(() => {
      const all = types.flatMap((each, at) => placing.steps(each, `a${at}`, offsets[at] as number));
      return countSteps(all) <= MOST_STEPS && placing.parameters.length <= MOST_PARAMETERS ? all : undefined;
    });
    if (steps === undefined) return undefined;
    const { size, align } = recordLayout(layouts);
    const parameters = placing.parameters.length;
    const { step, module, ...named } = exports;
    this.#attach(module, { ...named, name: adapterName(index), size, align, steps, parameters, result });
    this.#steps.set(step, [...(this.#steps.get(step) ?? []), index]);
    return { index, place: `mine();\n${code}`, parameters: placing.parameters };
  }

  /** The core exports that a function's options name, if all are of one instance and its memory is its module's first. */
  #exportsOf({ coreFunc, options }: LiftDefinition): AdapterExports | undefined {
    const { memory, realloc, postReturn, encoding } = options;
    if (encoding !== 'utf8' || coreFunc.kind !== 'core export') return undefined;
    const { instance: step } = coreFunc;
    const named = (item: CoreItem | undefined): string | undefined =>
      item?.kind === 'core export' && item.instance === step ? item.name : undefined;
    const found = { coreFunc: coreFunc.name, realloc: named(realloc), postReturn: named(postReturn) };
    const module = this.#linked.steps[step]?.module;
    if (module === undefined || found.realloc === undefined) return undefined;
    if (postReturn !== undefined && found.postReturn === undefined) return undefined;
    const memories = this.#linked.modules[module]?.exports.filter(({ value }) => value.sort === 'memory');
    const isFirst = memories?.find(({ name }) => name === named(memory))?.value.index === 0;
    return isFirst ? { ...found, realloc: found.realloc, step, module } : undefined;
  }

  #attach(module: number, parts: AdapterParts): void {
    const known = this.#functions.get(module) ?? new Map<string, AttachedFunction>();
    for (const each of adapterFunctions(parts)) known.set(each.name, each);
    this.#functions.set(module, known);
  }

  /** What the component's core modules get, by their number. */
  get attached(): ReadonlyMap<number, AttachedCode> {
    return new Map(
      [...this.#functions].map(([module, functions]) => [
        module,
        { imports: EXCHANGE_IMPORTS, functions: [...functions.values()] },
      ]),
    );
  }

  /** Of all functions that have one. */
  get indices(): readonly number[] {
    return [...this.#steps.values()].flat();
  }

  /** Under which names a step's instance exports them. */
  ofStep(step: number): readonly { readonly slot: number; readonly name: string }[] {
    return (this.#steps.get(step) ?? []).map((slot) => ({ slot, name: `${ATTACHED}.${adapterName(slot)}` }));
  }

  /** What the code of all functions that have adapters relies on; relies on `x` itself. */
  get source(): readonly string[] {
    if (this.#functions.size === 0) return [];
    const { texts } = this.#places;
    const forget = texts.map((name) => `${name} = me;`).join(' ');
    return [
      'const xd = x.view; const me = {};',
      ...texts.map((name) => `let ${name} = me;`),
      `function mine() { if (x.owner !== me) { x.owner = me; ${forget} } }`,
    ];
  }
}

function adapterName(index: number): string {
  return `adapter${index}`;
}

function adapterResult(type: ValueType): AdapterResult | undefined {
  const { size, align, flat } = layoutOf(type, false);
  if (type.kind !== 'result' || flat.length <= MAX_FLAT_RESULTS) return undefined;
  if (type.ok === undefined) return { size, align, bytesAt: undefined };
  const isBytes = type.ok.kind === 'option' && type.ok.element.kind === 'list' && type.ok.element.element.kind === 'u8';
  return isBytes ? { size, align, bytesAt: payloadOffset(payloadsOf(type), false) } : undefined;
}
