// What a component is read from, however its bytes are held: a Buffer's `slice` is a view, a Uint8Array's a copy.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainlyNamed } from '#wasm';
import { createRuntime } from '../../../src/index.ts';
import { componentOf } from '../../../tools/components/actor-wat.ts';

let folder: string;
let component: Uint8Array;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vivarium-bytes-'));
  component = await componentOf(
    `(module (memory (export "memory") 1)
       (func $then (export "then") (result i32) (i32.const 7))
       (func (export "add-one") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1))))`,
    'package test:names; world guest { export add-one: func(n: u32) -> u32; export then: func() -> u32; }',
    'guest',
  );
});
afterAll(() => rm(folder, { recursive: true }));

describe('the bytes of a component', () => {
  it.each([
    ['a Uint8Array', (bytes: Uint8Array) => bytes.slice()],
    ['a Buffer', (bytes: Uint8Array) => Buffer.from(bytes)],
    ['a part of a larger Buffer', (bytes: Uint8Array) => Buffer.concat([Buffer.alloc(9), bytes]).subarray(9)],
  ])('are left as they are when names are changed in %s', (_, make) => {
    const given = make(component);
    const { names, bytes } = plainlyNamed(given);
    expect([...names.values()].toSorted()).toEqual(['add-one', 'then']);
    expect(bytes).not.toEqual(given);
    expect(Buffer.compare(given, component)).toBe(0);
    expect(plainlyNamed(given).names).toEqual(names);
  });

  it.each(['direct', 'glue'] as const)(
    'come from a file, a Buffer or an array alike, called by the way %s',
    async (calls) => {
      await using runtime = await createRuntime({ calls });
      const file = join(folder, `${calls}.wasm`);
      await writeFile(file, component);
      for (const source of [file, Buffer.from(component), component]) {
        const handle = await runtime.load(source);
        expect(await runtime.call(handle, 'add-one', 41)).toBe(42);
        expect(await runtime.call(handle, 'then')).toBe(7);
        await runtime.unload(handle);
      }
    },
  );
});
