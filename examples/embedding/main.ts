import { createRuntime } from 'vivarium';

const file = process.argv[2] ?? 'hello.wasm';

await using runtime = await createRuntime({ limits: { maxExecutionTimeMs: 1_000, maxMemoryBytes: 64 * 2 ** 20 } });
const hello = await runtime.load(file, { id: 'demo/hello/1', limits: { maxFuel: 50_000_000n } });
const reply = await runtime.request(hello, Buffer.from('Ada'), { timeoutMs: 500 });

console.log(Buffer.from(reply ?? []).toString());
console.log(runtime.usage(hello).last.fuelConsumed > 0n ? 'metered' : 'not metered');
