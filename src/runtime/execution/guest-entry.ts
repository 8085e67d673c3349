import { Later } from '#core/waiting';
import { execution } from './execution.ts';
import { promising } from './jspi.ts';
import type { Turn } from './turn.ts';

/** Types of core values, by the letter that stands for each in a signature. */
const TYPES: Readonly<Record<string, number>> = { i: 0x7f, I: 0x7e, f: 0x7d, F: 0x7c };

type Enter = (entry: GuestEntry, callee: WebAssembly.ExportValue, ...args: unknown[]) => Promise<unknown>;

/**
 * A core function of a guest that the host calls on a stack of its own, which imports may suspend. A few instructions of
 * wasm tell the host the answer at once, while the promise of a promising call would tell it later. So a call that is never
 * suspended costs no trip through the queue of microtasks. An entry has one call at a time.
 */
export class GuestEntry {
  readonly callee: WebAssembly.ExportValue;
  /** Calls the function, and is given this entry, `callee` and the core arguments. Call it only after `begin`. Rejects where the function traps. */
  readonly enter: Enter;
  raw: unknown = undefined;
  isAnswered = false;
  /** Called for an answer that comes later. This is the only notice that the guest's stack is about to end. */
  onAnswer: (() => void) | undefined = undefined;
  #turn: Turn | undefined = undefined;
  /** The rest of a call that has not answered at once: what lifts its answer, what is called then, and who gets it. */
  #rest: (() => unknown) | undefined = undefined;
  #after: (() => void) | undefined = undefined;
  #later: Later<unknown> | undefined = undefined;
  #onTrap: ((thrown: unknown) => void) | undefined = undefined;

  /** @param parameters one letter for each core parameter; `results` has one letter for the core result, or none */
  constructor(callee: WebAssembly.ExportValue, parameters: string, results: string) {
    this.callee = callee;
    this.enter = enterOf(callee, parameters, results);
  }

  /** Makes a call ready that no turn is told of. */
  reset(): void {
    this.isAnswered = false;
    this.raw = undefined;
    this.onAnswer = undefined;
  }

  answered(raw: unknown): void {
    this.raw = raw;
    this.isAnswered = true;
    if (this.#turn !== undefined) this.#turn.suspendable = false;
    if (this.#later === undefined) this.onAnswer?.();
    else this.#finish(this.#later);
  }

  begin(turn: Turn): void {
    this.#turn = turn;
    this.isAnswered = false;
    this.onAnswer = undefined;
    turn.suspendable = true;
  }

  /** Records an answer that came after its stack had ended, as `answered` does for others. */
  answeredBehind(raw: unknown): void {
    if (this.#turn !== undefined) execution.reclaim(this.#turn);
    this.answered(raw);
  }

  /**
   * The result of a call that has not answered at once. It comes in the guest's last instructions.
   * @param ended the promise of the call
   * @param rest lifts the answer
   * @param after called in the turn when the call has ended
   */
  later<T>(ended: Promise<unknown>, rest: () => T, after?: () => void): Later<T> {
    const later = new Later<T>();
    this.#later = later as Later<unknown>;
    this.#rest = rest;
    this.#after = after;
    this.#onTrap ??= (thrown) => this.#trapped(thrown);
    ended.then(undefined, this.#onTrap);
    return later;
  }

  #finish(later: Later<unknown>): void {
    const rest = this.#rest as () => unknown;
    let value: unknown;
    try {
      value = rest();
    } catch (thrown) {
      this.#end();
      later.fail(thrown);
      return;
    }
    this.#end();
    later.answer(value);
  }

  #trapped(thrown: unknown): void {
    const later = this.#later;
    if (later === undefined) return;
    execution.reclaim(this.#turn as Turn);
    this.#end();
    later.fail(thrown);
  }

  #end(): void {
    const after = this.#after;
    this.#rest = undefined;
    this.#after = undefined;
    this.#later = undefined;
    after?.();
  }
}

/** The code of a lifted function without its core call: it yields the entry and the core arguments, and is resumed with the core answer. */
export type LiftedSteps = Generator<readonly [GuestEntry, ...unknown[]], unknown, unknown>;

/** A call between two component instances whose callee has been suspended. */
export class NestedCall {
  /** The handles that the caller has lent. They are given back after the caller has called its import again. */
  lent: unknown = undefined;
  /** Lets the caller's stack go on. */
  proceed: () => void = () => {};
}

interface Shared {
  readonly enter: Enter;
  /** Throws a `TypeError` for a function of another type. */
  readonly check: (callee: WebAssembly.ExportValue) => void;
}

/** The functions that enter a guest, by signature. All stores share them. */
const shared = new Map<string, Shared>();
/** The most signatures in `shared`. A component may have functions of any signature, but few components have functions of many. */
const MAX_SHARED = 1_000;

function enterOf(callee: WebAssembly.ExportValue, parameters: string, results: string): Enter {
  return hasSignature(callee, parameters, results) ? sharedOf(parameters, results).enter : enterAnyType(callee);
}

/** Whether a core function is of the type that a signature alone declares, as a call through a table would check it. */
export function hasSignature(callee: WebAssembly.ExportValue, parameters: string, results: string): boolean {
  try {
    sharedOf(parameters, results).check(callee);
    return true;
  } catch {
    return false;
  }
}

function sharedOf(parameters: string, results: string): Shared {
  const key = `${parameters}:${results}`;
  let found = shared.get(key);
  if (found === undefined) {
    if (shared.size >= MAX_SHARED) shared.clear();
    const answered = (entry: GuestEntry, raw: unknown): void => entry.answered(raw);
    const module = new WebAssembly.Module(moduleBytes(valueTypes(parameters), valueTypes(results)));
    const { exports } = new WebAssembly.Instance(module, { '': { answered } });
    found = {
      enter: promising(exports.enter as WebAssembly.ExportValue) as Enter,
      check: exports.check as Shared['check'],
    };
    shared.set(key, found);
  }
  return found;
}

/** Enters a function whose module declares its type in a group with other types, which makes it another type than the signature alone. */
function enterAnyType(callee: WebAssembly.ExportValue): Enter {
  const call = promising(callee) as (...args: unknown[]) => Promise<unknown>;
  return (entry, _, ...args) => call(...args).then((raw) => entry.answeredBehind(raw));
}

const valueTypes = (letters: string): number[][] => [...letters].map((letter) => [TYPES[letter] as number]);
const vector = (items: readonly (readonly number[])[]): number[] => [items.length, ...items.flat()];
const sized = (bytes: readonly number[]): number[] => [bytes.length, ...bytes];
const section = (id: number, ...items: readonly number[][]): number[] => [id, ...sized(vector(items))];
const named = (name: string): number[] => sized([...Buffer.from(name)]);

/**
 * The bytes of a module whose `enter(entry, callee, parameters)` calls `callee` with the parameters, and then `answered` with
 * the entry and the answer. Every length is below 128, so that each is one byte of LEB128.
 */
function moduleBytes(parameters: readonly number[][], results: readonly number[][]): Uint8Array<ArrayBuffer> {
  const [externref, callee] = [[0x6f], [0x63, 0]];
  const func = (from: readonly number[][], to: readonly number[][]): number[] => [0x60, ...vector(from), ...vector(to)];
  const gets = parameters.flatMap((_, index) => [0x20, index + 2]);
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(
      1,
      func(parameters, results),
      func([externref, ...results], []),
      func([externref, callee, ...parameters], []),
      func([callee], []),
    ),
    ...section(2, [...named(''), ...named('answered'), 0, 1]),
    ...section(3, [2], [3]),
    ...section(7, [...named('enter'), 0, 1], [...named('check'), 0, 2]),
    ...section(10, sized([0, 0x20, 0, ...gets, 0x20, 1, 0x14, 0, 0x10, 0, 0x0b]), sized([0, 0x0b])),
  ]);
}
