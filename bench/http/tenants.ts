import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Report } from '../figure.ts';
import { latencyBeside, warmUp } from './load.ts';
import { type Served, served } from './servers.ts';
import { type Misbehaviour, OTHER_PATH } from './tenants-server.ts';

const MOST = 3;
const ROUNDS = 5;
const BARE = 'bare node:http that refuses the flood';

/** What the tenants do, and how many clients ask each of them without a pause. 32 requests run at a time, and 128 wait. */
const TENANTS: readonly (readonly [Misbehaviour, clients: number])[] = [
  ['spins', 4],
  ['is flooded', 400],
  ['leaks handles', 4],
];

/** The 99th percentiles of the latency without the other tenant and beside it, and how long the server did not look for requests. */
interface Slowed {
  readonly alone: number;
  readonly beside: number;
  readonly roundMs: number;
}

/**
 * Measures the requests of one tenant beside another that misbehaves: two components of one runtime, and a process for the clients of
 * each. Beside it stands a bare server that refuses at once all that the other tenant is asked.
 */
export async function tenants(report: Report): Promise<void> {
  for (const [what, clients] of TENANTS) {
    const { alone, beside, roundMs } = await slowedBy(await served('tenants', what), clients);
    report({
      figure: `p99 of a tenant beside one that ${what}`,
      value: beside / alone,
      unit: 'times',
      peer: 'without the other',
      goal: `<= ${MOST} times`,
      holds: beside <= MOST * alone,
    });
    if (what !== 'is flooded') continue;
    const bare = await slowedBy(await served('node'), clients);
    const line = { unit: 'times', goal: 'shown', holds: true } as const;
    const peer = 'without them';
    report({ ...line, figure: 'p99 of a bare server that refuses them', value: bare.beside / bare.alone, peer });
    report({ ...line, figure: `p99 of a tenant beside one that ${what}`, value: beside / bare.beside, peer: BARE });
    const figure = `processor time between two looks for requests, 90th percentile beside one that ${what}`;
    report({ ...line, figure, value: roundMs / bare.roundMs, peer: `${BARE} (${bare.roundMs.toFixed(1)} ms)` });
  }
}

/** Measures a server beside a flood of the other path, and stops it. */
async function slowedBy(server: Served, clients: number): Promise<Slowed> {
  await warmUp(server.port);
  const measured: Slowed[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const alone = await latencyBeside(server.port);
    const program = fileURLToPath(new URL('./flood-program.ts', import.meta.url));
    const flood = fork(program, [String(server.port), OTHER_PATH, String(clients)]);
    await once(flood, 'message');
    const beside = await latencyBeside(server.port);
    const roundMs = await server.roundMs();
    flood.kill();
    await once(flood, 'exit');
    measured.push({ alone, beside, roundMs });
  }
  server.stop();
  const middle = (of: (each: Slowed) => number): number =>
    measured.map(of).toSorted((one, other) => one - other)[ROUNDS >> 1] as number;
  return {
    alone: middle(({ alone }) => alone),
    beside: middle(({ beside }) => beside),
    roundMs: middle(({ roundMs }) => roundMs),
  };
}
