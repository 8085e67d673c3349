import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a model might write when it is asked for this world. */
const SOURCE = `export function slug(text) {
  return text.toLowerCase().split(/[^a-z0-9]+/).filter(Boolean).join('-');
}
`;

/**
 * A stand-in for a model: an HTTP server that speaks the OpenAI-compatible protocol and answers every question with the
 * same source text. No model is behind it; put the URL of a real one in its place.
 */
export async function startStandInModel(): Promise<{ url: string; calls(): number; close(): Promise<void> }> {
  let calls = 0;
  const server = createServer((request, response) => {
    calls += 1;
    request.resume().on('end', () => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ choices: [{ message: { role: 'assistant', content: SOURCE } }] }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    calls: () => calls,
    close: async () => {
      if (!server.listening) return;
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
