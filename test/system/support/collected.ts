// Run with --expose-gc: makes resources, lets them be collected, and prints how many destructors have run when.
import { readFileSync } from 'node:fs';
import { setImmediate as nextStep } from 'node:timers/promises';
import type { CallPath } from '#core/ports/engine';
import { createRuntime } from '#system';

const [calls, path] = process.argv.slice(2) as [CallPath, string];
const carts = 'demo:shop/carts@1.0.0#';
const rounds = async (): Promise<void> => {
  for (let round = 0; round < 5; round++) {
    (globalThis as { gc?: () => void }).gc?.();
    // Finalizers run in tasks of their own, which come before the next step of the event loop but one.
    for (let step = 0; step < 3; step++) await nextStep();
  }
};

await using runtime = await createRuntime({ calls });
const shop = await runtime.load(new Uint8Array(readFileSync(path)));
// Held until it is known that none was dropped: the collector may run at any time.
const held: unknown[] = [];
for (let n = 0; n < 20; n++) held.push(await runtime.call(shop, `${carts}[constructor]cart`, n));
const before = await runtime.call(shop, 'dropped');
const { fuelConsumed } = runtime.usage(shop);
held.length = 0;
await rounds();
const idle = Number(runtime.usage(shop).fuelConsumed - fuelConsumed);
const after = await runtime.call(shop, 'dropped');
console.log(JSON.stringify({ before, idle, after }));
