// A component that answers HTTP requests, asked by its embedder with the web's own objects.
import { createRuntime, toResponse } from 'vivarium';

await using runtime = await createRuntime({ limits: { maxExecutionTimeMs: 1_000, maxTurnTimeMs: 5_000 } });
const handler = await runtime.load(process.argv[2] ?? 'handler.wasm', {
  requests: { maxConcurrent: 8, maxQueued: 16 },
});

const ask = (path: string): Promise<Response> =>
  runtime.fetch(handler, new Request(`http://example.com${path}`), { clientAddress: '192.0.2.7' }).catch(toResponse);

const answers = await Promise.all(['/', '/cart', '/about'].map(ask));
for (const answer of answers) console.log(answer.status, await answer.text());

// Eight are answered, sixteen wait, and the others are told to come back later.
const flood = await Promise.all(Array.from({ length: 100 }, () => ask('/')));
console.log(flood.filter(({ status }) => status === 200).length, 'answered');
console.log(flood.filter(({ status }) => status === 503).length, 'refused');
