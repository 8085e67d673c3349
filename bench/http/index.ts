import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Report } from '../figure.ts';
import { paired } from '../support/measure.ts';
import { withHello } from './hello.ts';
import { latencyAt, requestsPerSecond } from './load.ts';
import { observed } from './observed.ts';
import { replacing } from './replacing.ts';
import { sockets } from './sockets.ts';
import { streaming } from './streaming.ts';
import { tenants } from './tenants.ts';

const ROUNDS = 5;

/** Goals by store policy, as shares of what a bare server does: `wasmtime serve` made 0.23 where that was measured. */
const GOALS = { 'per-call': 0.23, 'per-actor': 0.5 } as const;
type Store = keyof typeof GOALS;

export async function run(report: Report): Promise<void> {
  const { server: bare, port: barePort } = await bareServer();
  for (const [store, goal] of Object.entries(GOALS) as [Store, number][]) {
    const what = store === 'per-call' ? 'a fresh instance each' : 'one instance';
    await withHello({ store }, {}, async (port) => {
      const { a, ratio } = await paired(
        ROUNDS,
        () => requestsPerSecond(port),
        () => requestsPerSecond(barePort),
      );
      report({
        figure: `requests a second, ${what}`,
        value: ratio,
        unit: 'times',
        peer: 'bare node:http',
        goal: `>= ${goal} of it`,
        holds: ratio >= goal,
      });
      const own = await latencyAt(port, a / 2);
      const peer = await latencyAt(barePort, a / 2);
      report({
        figure: `p99 at half of its saturation, ${what}`,
        value: own / peer,
        unit: 'times',
        peer: 'bare node:http at the same rate',
        goal: '<= 3 times',
        holds: own <= 3 * peer,
      });
    });
  }
  await observed(report);
  await tenants(report);
  await sockets(report);
  await replacing(report);
  await streaming(report);
  bare.close();
  bare.closeAllConnections();
}

async function bareServer(): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer((_, response) => void response.end('hello'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}
