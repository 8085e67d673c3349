import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { HttpServer, SocketRoutes } from '#server';
import { Sockets } from '#server/management';
import { createRuntime, systemClock } from '#system';
import { actor } from '../../tools/components/actor-wat.ts';
import type { Report } from '../figure.ts';

const SOCKETS = 10_000;
const BUSY = 100;
const RATE = 100;
const SECONDS = 5;
const MOST_KB = 20;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Holds ten thousand idle WebSockets of an actor, and passes frames on a hundred of them. */
export async function sockets(report: Report): Promise<void> {
  await using runtime = await createRuntime({ scheduling: 'preemptive' });
  const handle = await runtime.load(await actor(), { mailbox: { maxMessages: 2 * SOCKETS } });
  const owner = new Sockets(runtime, systemClock);
  const place = { component: 'echo', hosts: [], paths: ['/'], origins: [] };
  const routes = new SocketRoutes([place], new Map([['echo', handle]]), 'http', (to, connection) =>
    owner.open(to, connection),
  );
  const options = { port: 0, maxConnections: SOCKETS + 100, idleTimeoutMs: 600_000, sockets: () => routes };
  const server = new HttpServer(() => ({ web: () => new Response(null, { status: 404 }) }), options);
  const { url } = await server.listen();
  const before = held();
  const client = fork(fileURLToPath(new URL('./sockets-client.ts', import.meta.url)), [
    url.replace('http', 'ws'),
    ...[SOCKETS, BUSY, RATE, SECONDS].map(String),
  ]);
  const [{ opened }] = (await once(client, 'message')) as [{ opened: number }];
  const kilobytes = (held() - before) / opened / 1_024;
  client.send('go');
  const [{ sent, received }] = (await once(client, 'message')) as [{ sent: number; received: number }];
  client.send('end');
  owner[Symbol.dispose]();
  await server.drain(1_000);
  report({
    figure: `memory of one of ${opened} idle WebSockets`,
    value: kilobytes,
    unit: 'KB',
    goal: `<= ${MOST_KB}`,
    holds: opened === SOCKETS && kilobytes <= MOST_KB,
  });
  report({
    figure: `frames of ${sent} that were lost on ${BUSY} of them`,
    value: sent - received,
    unit: 'frames',
    goal: '0',
    holds: sent === received,
  });
}

/** The heap and what hangs outside of it, without garbage; the system's buffers of a connection are not the process's. */
function held(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
