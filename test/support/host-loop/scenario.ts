// The shape of scenarios: by which receivers and arguments a host function is called.
import type { HostCalls } from './host-calls.ts';

export type Maker<T> = (h: HostCalls) => T;
/** A host function and what one round of its loop does. */
export type Scenario = readonly [name: string, rounds: readonly Maker<void>[]];

/** What is called: each with its arguments, once for each list. */
export type Lists = readonly (readonly unknown[])[];

export const functions = (from: string, lists: Readonly<Record<string, Maker<Lists>>>): [string, Maker<void>[]][] =>
  Object.entries(lists).map(([name, make]) => [
    `${from}#${name}`,
    [(h) => each(h, make(h), (args) => h.call(`${from}#${name}`, ...args))],
  ]);

export const methods = (
  name: string,
  receivers: readonly Maker<object>[],
  lists: Readonly<Record<string, Maker<Lists>>>,
): [string, Maker<void>[]][] =>
  Object.entries(lists).map(([method, make]) => [
    `${name}.${method}`,
    receivers.map((receiver) => (h: HostCalls) => {
      const args = make(h);
      each(h, args, (list) => h.on(receiver(h), method, ...list));
    }),
  ]);

/** What an interface answers as an error is the loop's affair no more than a value; a failure of the host's is. */
export function each(h: HostCalls, lists: Lists, call: (args: readonly unknown[]) => unknown): void {
  for (const args of lists) {
    try {
      call(args);
    } catch (thrown) {
      if (thrown instanceof Error) throw thrown;
      h.keep(thrown);
    }
  }
}

/** Called once, without arguments. */
export const none = (): Lists => [[]];

export const LONG: string = 'x'.repeat(5_000);
