import { execution } from './execution.ts';
import { promising } from './jspi.ts';
import type { Turn } from './turn.ts';

/** Types of core values, by the letter that stands for each in a signature. */
const TYPES: Readonly<Record<string, number>> = { i: 0x7f, I: 0x7e, f: 0x7d, F: 0x7c };

type Enter = (...args: unknown[]) => Promise<unknown>;

/**
 * A core function of a guest that is called on a stack of its own, which imports may suspend. A few instructions of wasm
 * tell its answer at once, where the promise of a promising call would tell it later: a call that is never suspended costs
 * no trip through the queue of microtasks. One call at a time.
 */
export class GuestEntry {
  /** Calls the function; to be called behind `begin` alone. Rejects where it traps. */
  readonly call: Enter;
  raw: unknown = undefined;
  isAnswered = false;
  /** Told of an answer that comes later. The guest's stack is about to end, which nobody else is told. */
  onAnswer: (() => void) | undefined = undefined;
  #turn: Turn | undefined = undefined;

  /** @param parameters a letter for each core value; `results` likewise, of which there is one at most */
  constructor(callee: WebAssembly.ExportValue, parameters: string, results: string) {
    const answered = (raw: unknown): void => {
      this.raw = raw;
      this.isAnswered = true;
      if (this.#turn !== undefined) this.#turn.suspendable = false;
      this.onAnswer?.();
    };
    const { exports } = new WebAssembly.Instance(moduleFor(parameters, results), { '': { callee, answered } });
    this.call = promising(exports.enter as WebAssembly.ExportValue) as Enter;
  }

  begin(turn: Turn): void {
    this.#turn = turn;
    this.isAnswered = false;
    this.onAnswer = undefined;
    turn.suspendable = true;
  }

  /**
   * What a call comes to that has not answered at once.
   * @param ended the promise of the call
   * @param rest lifts the answer
   * @param after called in the turn when the call has ended
   */
  later<T>(turn: Turn, ended: Promise<unknown>, rest: () => T, after?: () => void): Promise<T> {
    return new Promise((resolve, reject) => {
      this.onAnswer = () => {
        try {
          resolve(rest());
        } catch (thrown) {
          reject(thrown);
        } finally {
          after?.();
        }
      };
      ended.then(undefined, (thrown: unknown) => {
        execution.reclaim(turn);
        after?.();
        reject(thrown);
      });
    });
  }
}

/** The code of a lifted function with its core call left out: it yields the entry and its arguments, and is given what that answers. */
export type LiftedSteps = Generator<readonly [GuestEntry, ...unknown[]], unknown, unknown>;

/** A call of one component instance by another that has been suspended. */
export class NestedCall {
  /** What the caller has lent, to be given back when its import is called again. */
  lent: unknown = undefined;
  /** Lets the caller's stack go on. */
  proceed: () => void = () => {};
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
