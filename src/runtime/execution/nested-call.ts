import { promising } from './jspi.ts';

/** Types of core values, by the letter that stands for each in a signature. */
const TYPES: Readonly<Record<string, number>> = { i: 0x7f, I: 0x7e, f: 0x7d, F: 0x7c };

/** The code of a lifted function with its core call left out: it yields the entry and its arguments, and is given what that answers. */
export type LiftedSteps = Generator<readonly [NestedEntry, ...unknown[]], unknown, unknown>;

/**
 * A core function that another component instance of the same store calls, on a stack of its own: JavaScript lies between
 * the two, so the caller's stack could not be suspended together with it. A few instructions of wasm tell its answer at
 * once, where the promise of a promising call would tell it later.
 */
export class NestedEntry {
  readonly #enter: (...args: never[]) => Promise<unknown>;
  #call: NestedCall | undefined;

  /** @param parameters a letter for each core value; `results` likewise, of which there is one at most */
  constructor(callee: WebAssembly.ExportValue, parameters: string, results: string) {
    const answered = (raw: unknown): void => this.#call?.answered(raw);
    const { exports } = new WebAssembly.Instance(moduleFor(parameters, results), { '': { callee, answered } });
    this.#enter = promising(exports.enter as WebAssembly.ExportValue);
  }

  /** Calls the function for `call`, which is told what it answers. Rejects where it traps. */
  call(call: NestedCall, args: readonly unknown[]): Promise<unknown> {
    this.#call = call;
    return this.#enter(...(args as never[]));
  }
}

/** One call of one component instance by another. */
export class NestedCall {
  readonly #onAnswer: (call: NestedCall) => void;
  readonly #steps: LiftedSteps;
  raw: unknown = undefined;
  isAnswered = false;
  /** What the caller has lent, to be given back when its import is called again. */
  lent: unknown = undefined;
  /** Lets the caller's stack go on. */
  proceed: () => void = () => {};

  constructor(steps: LiftedSteps, onAnswer: (call: NestedCall) => void) {
    this.#steps = steps;
    this.#onAnswer = onAnswer;
  }

  answered(raw: unknown): void {
    this.raw = raw;
    this.isAnswered = true;
    this.#onAnswer(this);
  }

  /** Lifts the answer and cleans up; within the turn. @throws the error case of its `result` */
  lifted(): unknown {
    return this.#steps.next(this.raw).value;
  }
}

const modules = new Map<string, WebAssembly.Module>();
/** A component may have functions of any signature, and few components have functions of many. */
const MAX_MODULES = 1_000;

/** `enter(parameters)`: calls `callee` with them, and `answered` with what it answers. */
function moduleFor(parameters: string, results: string): WebAssembly.Module {
  const key = `${parameters}:${results}`;
  let found = modules.get(key);
  if (found === undefined) {
    if (modules.size >= MAX_MODULES) modules.clear();
    found = new WebAssembly.Module(moduleBytes(valueTypes(parameters), valueTypes(results)));
    modules.set(key, found);
  }
  return found;
}

const valueTypes = (letters: string): number[] => [...letters].map((letter) => TYPES[letter] as number);
const sized = (bytes: readonly number[]): number[] => [bytes.length, ...bytes];
const section = (id: number, ...items: readonly number[][]): number[] => [
  id,
  ...sized([items.length, ...items.flat()]),
];
const named = (name: string): number[] => sized([...Buffer.from(name)]);

/** Every length is below 128, so that each is one byte of LEB128. */
function moduleBytes(parameters: readonly number[], results: readonly number[]): Uint8Array<ArrayBuffer> {
  const func = (from: readonly number[], to: readonly number[]): number[] => [0x60, ...sized(from), ...sized(to)];
  const gets = parameters.flatMap((_, index) => [0x20, index]);
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, func(parameters, results), func(results, []), func(parameters, [])),
    ...section(2, [...named(''), ...named('callee'), 0, 0], [...named(''), ...named('answered'), 0, 1]),
    ...section(3, [2]),
    ...section(7, [...named('enter'), 0, 2]),
    ...section(10, sized([0, ...gets, 0x10, 0, 0x10, 1, 0x0b])),
  ]);
}
