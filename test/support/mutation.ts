// Components with some bytes changed, cut off or doubled: hostile input that is nearly right.
import fc from 'fast-check';
import { expect } from 'vitest';
import { type ComponentHandle, isVivariumError, type Runtime } from '../../src/index.ts';

type Mutation = (bytes: Uint8Array) => Uint8Array;

const at = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const place = (bytes: Uint8Array, fraction: number): number => Math.floor(bytes.length * fraction);

const flip = fc.tuple(at, fc.integer({ min: 1, max: 255 })).map(
  ([where, mask]): Mutation =>
    (bytes) => {
      const copy = bytes.slice();
      copy[place(bytes, where)] = (copy[place(bytes, where)] as number) ^ mask;
      return copy;
    },
);
const truncate = at.map(
  (where): Mutation =>
    (bytes) =>
      bytes.slice(0, place(bytes, where)),
);
const double = fc.tuple(at, fc.nat(200)).map(
  ([where, length]): Mutation =>
    (bytes) => {
      const from = place(bytes, where);
      return Buffer.concat([bytes.subarray(0, from + length), bytes.subarray(from)]);
    },
);
const cut = fc.tuple(at, fc.nat(200)).map(
  ([where, length]): Mutation =>
    (bytes) => {
      const from = place(bytes, where);
      return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + length)]);
    },
);

export const mutations: fc.Arbitrary<readonly Mutation[]> = fc.array(fc.oneof(flip, flip, truncate, double, cut), {
  minLength: 1,
  maxLength: 4,
});

/** Whatever the bytes are: the component loads and answers or fails as a component may, or a typed error says why not. */
export async function loadsOrRefuses(runtime: Runtime, bytes: Uint8Array, neighbour: ComponentHandle): Promise<void> {
  try {
    const handle = await runtime.load(bytes);
    await runtime.request(handle, Buffer.from('x')).catch(onlyTyped);
    await runtime.unload(handle);
  } catch (error) {
    onlyTyped(error);
  }
  expect(await runtime.request(neighbour, Buffer.from('y'))).toEqual(new Uint8Array(Buffer.from('y')));
}

function onlyTyped(error: unknown): void {
  if (!isVivariumError(error)) throw error;
}
