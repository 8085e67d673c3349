import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../src/index.ts';
import { GUESTS } from '../../tools/toolchains/guests.ts';

const componentOf = (name: string): string => new URL(`components/${name}.wasm`, import.meta.url).pathname;

describe('asynchronous guests in several languages', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createRuntime();
  });
  afterAll(() => runtime.close());

  it.each(GUESTS.filter(({ isCommitted }) => isCommitted))('answer as they should: $name', async (guest) => {
    expect(await guest.talk(runtime, componentOf(guest.name))).toEqual(guest.answers);
  });

  it('are there, as far as they are committed', () => {
    for (const { name, isCommitted } of GUESTS) expect(existsSync(componentOf(name)), name).toBe(isCommitted);
  });
});
