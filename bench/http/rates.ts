import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { helloHandler } from '../../tools/components/hello-handler.ts';
import { Tools } from '../../tools/toolchains/build.ts';
import type { Report } from '../figure.ts';
import { paired } from '../support/measure.ts';
import { timeOfInstances } from './instances.ts';
import { latencyAt, REQUESTS, requestsPerSecond, warmUp } from './load.ts';
import { type Served, served, servedBy } from './servers.ts';

const ROUNDS = 5;
const BARE = 'bare node:http';
/** What `wasmtime serve` made of a bare server where that was measured; the goal where it cannot be had. */
const WASMTIME_OF_BARE = 0.23;
const FASTIFY = 'fastify@5.12.8';

interface Peer {
  readonly name: string;
  readonly start: () => Promise<Served>;
}

/** Compares the requests a second and the latency of one small component with other servers, each in a process of its own. */
export async function rates(report: Report): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vivarium-bench-http-'));
  const component = join(folder, 'hello.wasm');
  writeFileSync(component, await helloHandler());
  const bare = await served('node');
  await warmUp(bare.port);
  try {
    const shares = new Map<string, number>();
    for (const { name, start } of peersFor(component)) {
      const peer = await startedOrSaid(name, start);
      if (peer === undefined) continue;
      shares.set(name, await shown(report, name, peer, bare));
      peer.stop();
    }
    await instances(report, await helloHandler());
    await fresh(report, bare, shares.get('wasmtime serve'));
    await reused(report, bare);
  } finally {
    bare.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function peersFor(component: string): readonly Peer[] {
  const tools = new Tools('.ci/cache/toolchains');
  return [
    { name: 'Fastify', start: async () => served('fastify', tools.npm(FASTIFY)) },
    {
      name: 'jco serve',
      start: async () => {
        const program = tools.jcoProgram();
        return servedBy(process.execPath, (port) => [program, 'serve', component, '--port', String(port)]);
      },
    },
    {
      name: 'wasmtime serve',
      start: async () => servedBy(tools.wasmtime, (port) => ['serve', '--addr', `127.0.0.1:${port}`, component]),
    },
  ];
}

async function startedOrSaid(name: string, start: () => Promise<Served>): Promise<Served | undefined> {
  try {
    return await start();
  } catch (error) {
    console.error(`  not compared with ${name}, which cannot be had here: ${String(error).split('\n', 1)[0]}`);
    return undefined;
  }
}

async function shown(report: Report, name: string, peer: Served, bare: Served): Promise<number> {
  const { a, ratio } = await compared(report, name, peer, bare);
  const line = { unit: 'times', peer: BARE, goal: 'shown', holds: true } as const;
  report({ ...line, figure: `requests a second of ${name}`, value: ratio });
  const [own, others] = [await latencyAt(peer.port, a / 2), await latencyAt(bare.port, a / 2)];
  report({ ...line, figure: `p99 at half of its saturation, ${name}`, value: own / others });
  return ratio;
}

/** What making instances for each request would cost alone, beside which `wasmtime serve` answers a whole one. */
async function instances(report: Report, component: Uint8Array): Promise<void> {
  const value = await timeOfInstances(component);
  report({
    figure: 'processor time of new core instances, by V8 alone',
    value,
    unit: 'µs',
    goal: 'shown',
    holds: true,
  });
}

async function fresh(report: Report, bare: Served, wasmtime: number | undefined): Promise<void> {
  const server = await served('per-call');
  const { a, ratio } = await compared(report, 'a fresh instance each', server, bare);
  const figure = 'requests a second, a fresh instance each';
  if (wasmtime === undefined) {
    const goal = `>= ${WASMTIME_OF_BARE} of it`;
    report({ figure, value: ratio, unit: 'times', peer: BARE, goal, holds: ratio >= WASMTIME_OF_BARE });
  } else {
    report({ figure, value: ratio, unit: 'times', peer: BARE, goal: 'shown', holds: true });
    const share = ratio / wasmtime;
    report({ figure, value: share, unit: 'times', peer: 'wasmtime serve', goal: '>= 1 times', holds: share >= 1 });
  }
  await latency(report, 'a fresh instance each', server, bare, a);
  server.stop();
}

async function reused(report: Report, bare: Served): Promise<void> {
  const server = await served('per-actor');
  const { a, ratio } = await compared(report, 'one instance', server, bare);
  const figure = 'requests a second, one instance';
  report({ figure, value: ratio, unit: 'times', peer: BARE, goal: '>= 0.5 of it', holds: ratio >= 0.5 });
  await latency(report, 'one instance', server, bare, a);
  server.stop();
}

async function latency(report: Report, what: string, server: Served, bare: Served, saturation: number): Promise<void> {
  const { ratio } = await paired(
    ROUNDS,
    () => latencyAt(server.port, saturation / 2),
    () => latencyAt(bare.port, saturation / 2),
  );
  const figure = `p99 at half of its saturation, ${what}`;
  const line = { figure, unit: 'times', peer: `${BARE} at the same rate`, goal: '<= 3 times' } as const;
  report({ ...line, value: ratio, holds: ratio <= 3 });
}

/** Compares requests a second, and reports what processor time a request takes: other work of the machine changes that least. */
async function compared(report: Report, name: string, server: Served, bare: Served) {
  await warmUp(server.port);
  const used = new Map<Served, number>([server, bare].map((each) => [each, 0]));
  const measured = async (each: Served): Promise<number> => {
    const before = (await each.processorMs()) ?? 0;
    const rate = await requestsPerSecond(each.port);
    used.set(each, (used.get(each) ?? 0) + ((await each.processorMs()) ?? 0) - before);
    return rate;
  };
  const rates = await paired(
    ROUNDS,
    () => measured(server),
    () => measured(bare),
  );
  const [own = 0, others = 0] = used.values();
  // The processor time of a program that answers in processes of its own is not known.
  if (own > 0 && others > 0) {
    const each = Math.round((own * 1_000) / (ROUNDS * REQUESTS));
    const figure = `processor time of a request, ${name} (${each} µs)`;
    report({ figure, value: own / others, unit: 'times', peer: BARE, goal: 'shown', holds: true });
  }
  return rates;
}
