import { once } from 'node:events';
import { Agent, createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HttpServer } from '#server';
import { createRuntime, type LoadOptions, serveExchange } from '#system';
import { helloHandler } from '../../tools/components/hello-handler.ts';
import type { Report } from '../figure.ts';
import { paired } from '../support/measure.ts';

const ROUNDS = 5;
const REQUESTS = 2_000;
const CLIENTS = 16;

/** Goals by store policy, as shares of what a bare server does: `wasmtime serve` made 0.23 where that was measured. */
const GOALS = { 'per-call': 0.23, 'per-actor': 0.5 } as const;

export async function run(report: Report): Promise<void> {
  const bare = createServer((_, response) => void response.end('hello'));
  bare.listen(0, '127.0.0.1');
  await once(bare, 'listening');
  const barePort = (bare.address() as AddressInfo).port;
  for (const [store, goal] of Object.entries(GOALS) as [NonNullable<LoadOptions['store']>, number][]) {
    await using runtime = await createRuntime({ scheduling: 'preemptive' });
    const handler = await runtime.load(await helloHandler(), { store });
    const server = new HttpServer(
      () => ({ component: 'hello', serve: (exchange) => serveExchange(runtime, handler, exchange) }),
      {
        port: 0,
      },
    );
    const port = Number(new URL((await server.listen()).url).port);
    await requestsPerSecond(port);
    const { ratio } = await paired(
      ROUNDS,
      () => requestsPerSecond(port),
      () => requestsPerSecond(barePort),
    );
    await server.drain(1_000);
    const figure = `requests a second, ${store === 'per-call' ? 'a fresh instance each' : 'one instance'}`;
    const bound = `>= ${goal} of it`;
    report({ figure, value: ratio, unit: 'times', peer: 'bare node:http', goal: bound, holds: ratio >= goal });
  }
  bare.close();
  bare.closeAllConnections();
}

/** Asks from this process, which both servers share with the client. */
async function requestsPerSecond(port: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const started = performance.now();
  let left = REQUESTS;
  const client = async (): Promise<void> => {
    while (left-- > 0) await ask(port, agent);
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  const seconds = (performance.now() - started) / 1_000;
  agent.destroy();
  return REQUESTS / seconds;
}

function ask(port: number, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, agent }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`answered ${response.statusCode}`));
      response.resume().on('end', resolve);
    }).on('error', reject);
  });
}
