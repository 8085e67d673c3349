import { Agent } from 'node:http';
import { HttpServer } from '#server';
import { createRuntime, serveExchange } from '#system';
import { helloHandler } from '../../tools/components/hello-handler.ts';
import type { Report } from '../figure.ts';
import { ask } from './load.ts';

const REPLACEMENTS = 5;
const CLIENTS = 16;

/** Replaces a component under load by versions that no cache has, and counts the requests that fail. */
export async function replacing(report: Report): Promise<void> {
  await using runtime = await createRuntime({ scheduling: 'preemptive' });
  const handler = await runtime.load(await helloHandler('version 0'));
  const serve = (exchange: Parameters<typeof serveExchange>[2]) => serveExchange(runtime, handler, exchange);
  const server = new HttpServer(() => ({ component: 'hello', serve }), { port: 0 });
  const port = Number(new URL((await server.listen()).url).port);
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  let [asked, failed, done] = [0, 0, false];
  const client = async (): Promise<void> => {
    while (!done) {
      asked += 1;
      await ask(port, agent).catch(() => {
        failed += 1;
      });
    }
  };
  const clients = Array.from({ length: CLIENTS }, client);
  for (let version = 1; version <= REPLACEMENTS; version++) {
    await runtime.replace(handler, await helloHandler(`version ${version} of ${process.hrtime.bigint()}`));
  }
  done = true;
  await Promise.all(clients);
  agent.destroy();
  await server.drain(1_000);
  report({
    figure: `requests of ${asked} that failed while ${REPLACEMENTS} versions replaced each other, cold cache`,
    value: failed,
    unit: 'requests',
    goal: '0',
    holds: failed === 0,
  });
}
