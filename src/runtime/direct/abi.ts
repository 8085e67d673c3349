import { isVivariumError, messageOf, type VivariumError } from '#core/errors';
import { shownText } from '#core/text';
import { Later } from '#core/waiting';
import { asResult, errorCaseOf, hostFailure, hostWouldBlock, isErrorCase, isThenable } from '#runtime/code';
import { AbiTrap, KeptText, theExchange, trap } from '#runtime/exchange';
import { type Execution, GuestEntry, NestedCall } from '#runtime/execution';
import { ArgumentRefused, RuntimeError } from '../errors.ts';
import { asList, listBytes, loadBytes, loadNumbers, storeBytes, storeNumbers } from './lists.ts';
import { MemoryView } from './memory-view.ts';
import {
  address,
  allocate,
  fromChar,
  loadLatin1OrUtf16,
  loadUtf8,
  loadUtf16,
  narrowTagged,
  storeLatin1OrUtf16,
  storeUtf8,
  storeUtf16,
  toChar,
  wideRealloc,
  wideTagged,
} from './strings.ts';
import { TASKS } from './tasks.ts';

const bits = new DataView(new ArrayBuffer(8));

/** The functions that generated code calls: the parts of lowering and lifting that do not depend on a type. */
export const ABI = {
  address,
  allocate,
  asList,
  asResult,
  KeptText,
  MemoryView,
  fromChar,
  listBytes,
  loadBytes,
  loadLatin1OrUtf16,
  loadNumbers,
  loadUtf16,
  loadUtf8,
  narrowTagged,
  storeBytes,
  storeLatin1OrUtf16,
  storeNumbers,
  storeUtf16,
  storeUtf8,
  theExchange,
  toChar,
  wideRealloc,
  wideTagged,

  /** Ends the store in a way that the guest cannot catch. A trap of the guest's own ends the store already, and is thrown again as it is. */
  fail(thrown: unknown, store: { stop(reason: VivariumError): never }): never {
    if (isVivariumError(thrown)) return store.stop(thrown);
    if (thrown instanceof WebAssembly.RuntimeError && !(thrown instanceof AbiTrap)) throw thrown;
    return store.stop(
      new RuntimeError('RUNTIME_TRAP', `the component trapped: ${messageOf(thrown)}`, { cause: thrown }),
    );
  },

  /** A value as a 64-bit integer. A number is accepted too, if it is whole. */
  i64(value: unknown): bigint {
    return typeof value === 'bigint' ? value : BigInt(value as number);
  },

  /** Stores a 64-bit integer in memory. A small number is stored without making a bigint. */
  storeI64(view: DataView, at: number, value: unknown): void {
    if (typeof value === 'number' && value >>> 0 === value) {
      view.setUint32(at, value, true);
      view.setUint32(at + 4, 0, true);
    } else view.setBigInt64(at, ABI.i64(value), true);
  },

  /** The tag of a variant that the host gave. */
  tag(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) throw new TypeError(`a variant is expected, not ${typeof value}`);
    return (value as { tag?: unknown }).tag;
  },

  noCase(value: unknown): never {
    const tag = typeof value === 'object' && value !== null ? (value as { tag?: unknown }).tag : value;
    throw new TypeError(`${shownText(String(tag))} is not one of the cases of its type`);
  },

  flags(value: unknown, toBits: (flags: object) => number): number {
    if (value === undefined || value === null) return 0;
    if (typeof value !== 'object') throw new TypeError(`flags are an object of booleans, not ${typeof value}`);
    return toBits(value);
  },

  badDiscriminant(discriminant: number): never {
    trap(`${discriminant} is not the number of a case`);
  },

  badPointer(pointer: number): never {
    trap(`the result pointer ${pointer} is misaligned or outside of memory`);
  },

  reentered(): never {
    trap('the component was entered while a call of it was running');
  },

  borrowKept(): never {
    trap('the component answered and did not drop what it was lent');
  },

  /** Refuses a wrong argument, which is the caller's mistake. The component is unharmed, because the call has not entered it. */
  refused(thrown: unknown): never {
    throw thrown instanceof ArgumentRefused
      ? thrown
      : new ArgumentRefused('RUNTIME_INVALID_ARGUMENT', messageOf(thrown), { cause: thrown });
  },

  mayNotLeave(): never {
    trap('the component called an import while it was allocating or cleaning up');
  },

  /** Checks that a resource which the host hands out is of the class that its interface names. */
  instance(value: unknown, expected: unknown): object {
    if (typeof expected !== 'function' || !(value instanceof expected)) {
      throw new TypeError('the host answered something that is not a resource of the type asked for');
    }
    return value;
  },

  /** Checks the same of a resource that an embedder gives as an argument. @param argument the argument's number, from 1 */
  argument(value: unknown, expected: unknown, argument: number): void {
    if (typeof expected === 'function' && value instanceof expected) return;
    throw new TypeError(`argument ${argument}: a resource of the class that was given for its interface is expected`);
  },

  /** Tells a resource of the host that the guest has dropped it, if it has a method for that. */
  dispose(value: unknown, name: string): void {
    try {
      const dispose: unknown = Reflect.get(value as object, Symbol.dispose);
      if (typeof dispose === 'function') dispose.call(value);
    } catch (thrown) {
      throw hostFailure(name, thrown);
    }
  },

  /** The error case that a host function threw for its `result`. Anything else that it threw ends the store. */
  hostError(thrown: unknown, name: string): unknown {
    if (!isErrorCase(thrown)) throw hostFailure(name, thrown);
    return errorCaseOf(thrown);
  },

  /** Ends the store, because a host function threw whose type has no error case. */
  hostThrew(thrown: unknown, name: string): never {
    throw hostFailure(name, thrown);
  },

  /**
   * Checks that a host function answered a value and no promise, because the turn cannot wait here.
   * @param mayHaveThen whether the answer may be a resource, which may have a method `then` of its own
   */
  answered(answer: unknown, name: string, mayHaveThen: boolean): void {
    if (this.isPromise(answer, mayHaveThen)) throw hostWouldBlock(name, answer);
  },

  /** Whether a host function answered a promise, or something like one. @param mayHaveThen as for `answered` */
  isPromise(answer: unknown, mayHaveThen: boolean): boolean {
    if (typeof answer !== 'object' || answer === null) return false;
    return answer instanceof Promise || answer instanceof Later || (!mayHaveThen && isThenable(answer));
  },

  GuestEntry,
  Later,
  NestedCall,
  tasks: TASKS,

  /**
   * Wraps a function that a guest calls and that may call guests itself. Those guests cannot be suspended on this stack,
   * because JavaScript is on it. The turn may still wait for what the function answers, if it could be suspended before.
   */
  unsuspended(execution: Execution, call: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown {
    return (...args) => {
      const turn = execution.running;
      const { suspendable, mayWait } = turn;
      turn.mayWait = suspendable;
      turn.suspendable = false;
      try {
        return call(...args);
      } finally {
        turn.suspendable = suspendable;
        turn.mayWait = mayWait;
      }
    };
  },

  bitsOfF32(value: number): number {
    bits.setFloat32(0, value);
    return bits.getInt32(0);
  },

  bitsOfF64(value: number): bigint {
    bits.setFloat64(0, value);
    return bits.getBigInt64(0);
  },

  f32OfBits(value: number): number {
    bits.setInt32(0, value);
    return bits.getFloat32(0);
  },

  f64OfBits(value: bigint): number {
    bits.setBigInt64(0, value);
    return bits.getFloat64(0);
  },
} as const;
