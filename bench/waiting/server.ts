// A bare `node:http` server over tenants, one of which computes for ever.
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRuntime } from 'vivarium';
import { actor } from '../../tools/components/actor-wat.ts';
import { waitingGuest } from '../../tools/components/waiting-guest.ts';
import type { Report } from '../figure.ts';

const CONNECTIONS = 20;
const MILLISECONDS = 1_500;

export async function server(report: Report): Promise<void> {
  await using runtime = await createRuntime();
  const tenant = await runtime.load(await actor());
  const spinner = await runtime.load(await waitingGuest(), {
    imports: { 'test:waiting/db@1.0.0': { find: () => '', number: () => 0n, nothing: () => {} } },
    limits: { maxExecutionTimeMs: 600_000, maxTurnTimeMs: 600_000 },
  });
  const listening = createServer((_, response) => {
    runtime.request(tenant, new Uint8Array(16)).then(
      (reply) => response.end(reply),
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const { port } = listening.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  try {
    await load(agent, port);
    const alone = await load(agent, port);
    const spinning = runtime.call(spinner, 'spin', 2 ** 31).catch(() => {});
    const beside = await load(agent, port);
    await runtime.unload(spinner);
    await spinning;
    report({
      figure: 'requests by HTTP, no tenant computes',
      value: alone.perSecond,
      unit: '/s',
      goal: 'shown',
      holds: true,
    });
    const rate = beside.perSecond / alone.perSecond;
    const peer = 'the same without it';
    report({
      figure: 'requests by HTTP, one tenant computes',
      value: rate,
      unit: 'x',
      peer,
      goal: '>= 0.5',
      holds: rate >= 0.5,
    });
    const slower = beside.p99 / alone.p99;
    report({ figure: 'their p99', value: slower, unit: 'x', peer, goal: '<= 3', holds: slower <= 3 });
  } finally {
    agent.destroy();
    listening.close();
  }
}

/** Requests on all connections for a while: how many a second, and how long 99 of 100 took at most. */
async function load(agent: Agent, port: number): Promise<{ perSecond: number; p99: number }> {
  const times: number[] = [];
  const ends = performance.now() + MILLISECONDS;
  const connection = async (): Promise<void> => {
    while (performance.now() < ends) {
      const began = performance.now();
      await once(agent, port);
      times.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  times.sort((a, b) => a - b);
  return { perSecond: (times.length * 1_000) / MILLISECONDS, p99: times[Math.floor(times.length * 0.99)] as number };
}

function once(agent: Agent, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request({ agent, port, host: '127.0.0.1' }, (response) => {
      response.resume().once('end', resolve).once('error', reject);
    });
    sent.once('error', reject).end();
  });
}
