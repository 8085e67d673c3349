import './event-loop.ts';
import { enqueueJob } from './jobs.ts';
import { GuestPromise } from './promise-class.ts';

/** Replaces the engine's function, which would return an engine promise that nobody settles. */
async function fromAsync(
  items: AsyncIterable<unknown> | Iterable<unknown> | ArrayLike<unknown>,
  map: (value: unknown, index: number) => unknown = (value) => value,
): Promise<unknown[]> {
  const values: unknown[] = [];
  const iterable = Symbol.asyncIterator in items || Symbol.iterator in items ? items : Array.from(items);
  for await (const item of iterable) values.push(await map(item, values.length));
  return values;
}

Object.defineProperty(GuestPromise, 'name', { value: 'Promise' });
Object.defineProperty(Array, 'fromAsync', { value: fromAsync, writable: true, configurable: true });
Object.assign(globalThis, {
  Promise: GuestPromise,
  queueMicrotask: (run: () => void): void => {
    if (typeof run !== 'function') throw new TypeError('queueMicrotask takes a function');
    enqueueJob(run);
  },
});
