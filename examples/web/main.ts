// A component that answers HTTP requests, asked by its embedder with the web's own objects.
import { createRuntime, toResponse } from 'vivarium';

await using runtime = await createRuntime({ limits: { maxExecutionTimeMs: 1_000, maxTurnTimeMs: 5_000 } });
const handler = await runtime.load(process.argv[2] ?? 'handler.wasm', {
  requests: { maxConcurrent: 8, maxQueued: 16 },
});

const ask = (path: string, body: string | ReadableStream): Promise<Response> => {
  // A body that is a stream is sent while it comes, which the web calls `half` duplex.
  const init = { method: 'POST', body, duplex: 'half' };
  return runtime
    .fetch(handler, new Request(`http://example.com${path}`, init), { clientAddress: '192.0.2.7' })
    .catch(toResponse);
};

const answers = await Promise.all(['/', '/cart', '/about'].map((path) => ask(path, 'hello')));
for (const answer of answers) console.log(answer.status, await answer.text());

// While eight bodies come, sixteen requests wait, and the others are told to come back later.
const bodies = Array.from({ length: 100 }, () => new TransformStream());
const asked = bodies.map(({ readable }) => ask('/', readable));
for (const { writable } of bodies) writable.close().catch(() => {});
const flood = await Promise.all(asked);
console.log(flood.filter(({ status }) => status === 200).length, 'answered');
console.log(flood.filter(({ status }) => status === 503).length, 'refused');
