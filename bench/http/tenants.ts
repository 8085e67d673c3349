import { Agent } from 'node:http';
import { HttpServer } from '#server';
import { createRuntime, type LoadOptions, serveExchange } from '#system';
import { helloHandler, leakingHandler, spinningHandler } from '../../tools/components/hello-handler.ts';
import type { Report } from '../figure.ts';
import { ask, latencyAt } from './load.ts';

const RATE = 100;
const MOST = 3;

interface Tenant {
  readonly name: string;
  readonly component: () => Promise<Uint8Array>;
  readonly load: LoadOptions;
  /** Requests at a time. */
  readonly clients: number;
}

const TENANTS: readonly Tenant[] = [
  { name: 'spins', component: spinningHandler, load: { limits: { maxExecutionTimeMs: 200 } }, clients: 4 },
  { name: 'is flooded', component: () => helloHandler(), load: {}, clients: 32 },
  { name: 'leaks handles', component: leakingHandler, load: {}, clients: 4 },
];

/** Measures the requests of one tenant beside another that misbehaves, each with its own component in the same process. */
export async function tenants(report: Report): Promise<void> {
  await using runtime = await createRuntime({ scheduling: 'preemptive' });
  const serving = async (bytes: Uint8Array, load: LoadOptions) => {
    const handle = await runtime.load(bytes, load);
    const serve = (exchange: Parameters<typeof serveExchange>[2]) => serveExchange(runtime, handle, exchange);
    const server = new HttpServer(() => ({ component: 'tenant', serve }), { port: 0 });
    return { server, port: Number(new URL((await server.listen()).url).port) };
  };
  const own = await serving(await helloHandler(), {});
  await latencyAt(own.port, RATE);
  const alone = await latencyAt(own.port, RATE);
  for (const { name, component, load, clients } of TENANTS) {
    const { server, port } = await serving(await component(), load);
    const agent = new Agent({ keepAlive: true, maxSockets: clients });
    let done = false;
    const client = async (): Promise<void> => {
      // What it is answered, and whether, is not what is measured.
      while (!done) await ask(port, agent).catch(() => {});
    };
    const asking = Array.from({ length: clients }, client);
    const beside = await latencyAt(own.port, RATE);
    done = true;
    await Promise.all(asking);
    agent.destroy();
    await server.drain(1_000);
    report({
      figure: `p99 of a tenant beside one that ${name}`,
      value: beside / alone,
      unit: 'times',
      peer: 'without the other',
      goal: `<= ${MOST} times`,
      holds: beside <= MOST * alone,
    });
  }
  await own.server.drain(1_000);
}
