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

/** The most parameters that an adapter may have: more would fill the stack of its caller. */
const MOST_PARAMETERS = 64;
/** The most steps that an adapter may have: with more, a few bytes of types could become a large module. */
const MOST_STEPS = 256;

interface AdapterExports extends Pick<AdapterParts, 'coreFunc' | 'realloc' | 'postReturn'> {
  readonly step: number;
  readonly module: number;
}

type LiftDefinition = Extract<FuncItem['definition'], { kind: 'lift' }>;

/** How an exported function's code uses its adapter. */
export interface AdapterUse {
  readonly index: number;
  /** Code that copies the arguments `a0`, `a1`, … to their places in the exchange, or leaves the block `placing` where they do not fit. */
  readonly place: string;
  /** The local names to which that code assigns the adapter's own parameters. */
  readonly parameters: readonly string[];
}

/**
 * The adapters of a component. An adapter is a function inside a core module that lowers the arguments, calls the guest's
 * function and lifts the answer in one go. An exported function has one if its parameters go through memory and its answer
 * is a `result` of nothing or of bytes. Arguments and answers lie in the exchange; where they do not fit, the host lowers
 * and lifts them itself.
 */
export class Adapters {
  readonly #places = new Places();
  readonly #functions = new Map<number, Map<string, AttachedFunction>>();
  readonly #steps = new Map<number, number[]>();
  readonly #linked: LinkedComponent;

  constructor(linked: LinkedComponent) {
    this.#linked = linked;
  }

  /** Makes the adapter of an exported function; undefined where the function can have none. */
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

  /** The core exports that a function's options name; undefined unless one core instance has them all and the memory is its module's first. */
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

  /** The code that metering attaches to the component's core modules, by module number. */
  get attached(): ReadonlyMap<number, AttachedCode> {
    return new Map(
      [...this.#functions].map(([module, functions]) => [
        module,
        { imports: EXCHANGE_IMPORTS, functions: [...functions.values()] },
      ]),
    );
  }

  /** The indices of all functions that have an adapter. */
  get indices(): readonly number[] {
    return [...this.#steps.values()].flat();
  }

  /** The adapters of the core instance that a step makes: the slot of each, and the name under which the instance exports it. */
  ofStep(step: number): readonly { readonly slot: number; readonly name: string }[] {
    return (this.#steps.get(step) ?? []).map((slot) => ({ slot, name: `${ATTACHED}.${adapterName(slot)}` }));
  }

  /** Declarations on which the code of all functions with adapters relies. They rely on `x`, the exchange. */
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
