import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../../src/index.ts';
import { buildActor } from '../../../src/system/operations/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const RANDOM = 'wasi:random/random@0.2.2';

describe('Math.random in a component of a world of its own', () => {
  const folder = temporaryFolder();
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createRuntime({ limits: { maxExecutionTimeMs: 20_000 } });
  });
  afterAll(async () => {
    await runtime.close();
    folder[Symbol.dispose]();
  });

  async function build(name: string, wit: string, source: string): Promise<string> {
    mkdirSync(folder.at(name, 'wit'), { recursive: true });
    writeFileSync(folder.at(name, 'wit/world.wit'), wit);
    writeFileSync(folder.at(name, 'actor.ts'), source);
    return (await buildActor(folder.at(name), { check: false })).file;
  }

  /** Two numbers of each of two instances. */
  async function drawn(file: string, name: string): Promise<readonly number[]> {
    const numbers: number[] = [];
    for (const _ of [1, 2]) {
      const handle = await runtime.load(file, { store: 'per-actor' });
      for (const _again of [1, 2]) numbers.push(Number(await runtime.call(handle, name)));
      await runtime.unload(handle);
    }
    return numbers;
  }

  it.each([
    ['called', 'export const draw = () => Math.random();'],
    ['taken out of Math', 'const { random } = Math; export const draw = () => random();'],
    ['behind another name', "const name = 'random'; export const draw = () => Math[name]();"],
    ['kept while the component is built', 'const keep = Math.random; export const draw = () => keep();'],
  ])('draws other numbers in each instance where it is %s', async (name, source) => {
    const wit = 'package a:b; world guest { export draw: func() -> f64; }';
    const numbers = await drawn(await build(name.replaceAll(' ', '-'), wit, source), 'draw');
    expect(new Set(numbers).size).toBe(4);
    for (const number of numbers) expect(number >= 0 && number < 1).toBe(true);
  });

  it('draws other numbers in each instance of an exported interface', async () => {
    const wit = 'package a:b; interface dice { roll: func() -> f64; } world guest { export dice; }';
    const source = 'export const dice = { async roll() { return Math.random(); } };';
    expect(new Set(await drawn(await build('interface', wit, source), 'a:b/dice#roll')).size).toBe(4);
  });

  it('imports no randomness where the source does not draw', async () => {
    const wit = 'package a:b; world guest { export draw: func() -> f64; }';
    const bytes = readFileSync(await build('without', wit, 'export const draw = () => Math.max(1, 2);'));
    expect(bytes.includes(RANDOM)).toBe(false);
  });
});
