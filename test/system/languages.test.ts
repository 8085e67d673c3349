import { readFileSync } from 'node:fs';
import { componentEmbed, componentNew } from '@bytecodealliance/jco-transpile/wasm-tools';
import { expect, it } from 'vitest';
import { createRuntime } from '../../src/index.ts';

it('runs and meters an actor that clang compiled from C', async () => {
  const binary = readFileSync('test/fixtures/guests/reverse.wasm');
  const witSource = readFileSync('wit/actor.wit', 'utf8');
  const component = await componentNew(await componentEmbed({ binary, witSource, world: 'actor' }), []);
  await using runtime = await createRuntime();
  const handle = await runtime.load(component);
  for (const text of ['olleh', 'a', '', 'x'.repeat(100_000)]) {
    const reply = await runtime.request(handle, Buffer.from(text));
    expect(Buffer.from(reply ?? []).toString()).toBe([...text].reverse().join(''));
  }
  expect(runtime.usage(handle).last.fuelConsumed).toBeGreaterThan(100_000n);
});
