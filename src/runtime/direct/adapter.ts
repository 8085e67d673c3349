import type { AttachedCode, AttachedFunction } from '#core';
import type { FuncType, ValueType } from '#wasm';
import { type AdapterParts, type AdapterResult, adapterFunctions } from './adapter-code.ts';
import { Places, Placing, travels } from './adapter-steps.ts';
import { Code } from './code.ts';
import { EXCHANGE_IMPORTS } from './exchange.ts';
import {
  layoutOf,
  MAX_FLAT_PARAMS,
  MAX_FLAT_RESULTS,
  offsetsOf,
  payloadOffset,
  payloadsOf,
  recordLayout,
} from './layout.ts';

/** More would fill the stack of who calls it. */
const MOST_PARAMETERS = 64;

/** The core exports that a function's options name, if all are of one instance. */
export interface AdapterExports {
  readonly coreFunc: string;
  readonly realloc: string;
  readonly postReturn: string | undefined;
}

/** How an exported function's code uses its adapter. */
export interface AdapterUse {
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

  /** Adds one to a core module of the component; undefined where the function can have none. */
  add(index: number, type: FuncType, module: number, exports: AdapterExports): AdapterUse | undefined {
    const types = type.params.map((param) => param.type);
    const result = type.result && adapterResult(type.result);
    const layouts = types.map(layoutOf);
    const flat = layouts.reduce((sum, layout) => sum + layout.flat.length, 0);
    if (result === undefined || flat <= MAX_FLAT_PARAMS || !types.every(travels)) return undefined;
    const code = new Code('w');
    const placing = new Placing(code, this.#places);
    const offsets = offsetsOf(layouts);
    const steps = types.flatMap((each, at) => placing.steps(each, `a${at}`, offsets[at] as number));
    if (this.#places.overflown || placing.parameters.length > MOST_PARAMETERS) return undefined;
    const { size, align } = recordLayout(layouts);
    const parameters = placing.parameters.length;
    this.#attach(module, { ...exports, name: adapterName(index), size, align, steps, parameters, result });
    return { place: `mine();\n${code}`, parameters: placing.parameters };
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

  /** What the code of all functions that have adapters relies on; relies on `x` itself. */
  get source(): readonly string[] {
    const { texts } = this.#places;
    const forget = texts.map((name) => `${name} = undefined;`).join(' ');
    return [
      'const xd = x.view; const me = {};',
      ...texts.map((name) => `let ${name};`),
      `function mine() { if (x.owner !== me) { x.owner = me; ${forget} } }`,
    ];
  }
}

export function adapterName(index: number): string {
  return `adapter${index}`;
}

function adapterResult(type: ValueType): AdapterResult | undefined {
  const { size, align, flat } = layoutOf(type);
  if (type.kind !== 'result' || flat.length <= MAX_FLAT_RESULTS) return undefined;
  if (type.ok === undefined) return { size, align, bytesAt: undefined };
  const isBytes = type.ok.kind === 'option' && type.ok.element.kind === 'list' && type.ok.element.element.kind === 'u8';
  return isBytes ? { size, align, bytesAt: payloadOffset(payloadsOf(type)) } : undefined;
}
