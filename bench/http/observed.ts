import type { Report } from '../figure.ts';
import { REQUESTS, requestsPerSecond, warmUp } from './load.ts';
import { type Served, served } from './servers.ts';

const ROUNDS = 15;

/** What servers do beside answering: their name, the argument of the program, and whether there is a goal for it. */
const OBSERVED = [
  ['metrics', 'metrics', true],
  ['metrics and tracing, one trace in twenty kept', '0.05', true],
  ['metrics and tracing, every trace kept', '1', false],
] as const;

/**
 * What it costs to count every request, and to trace requests as well, with OpenTelemetry's own SDK behind the API. Beside it stands what
 * the same spans cost a bare server that begins and ends them by hand: no server that makes them can take less.
 */
export async function observed(report: Report): Promise<void> {
  for (const [what, how, hasGoal] of OBSERVED) {
    const isTraced = how !== 'metrics';
    const [without, own] = [await served('per-actor'), await served('per-actor', how)];
    const bare = isTraced ? [await served('node'), await served('node', how)] : [];
    const each = await microseconds([without, own, ...bare]);
    const [before = 0, after = 0, bareBefore = 0, bareAfter = 0] = each;
    const ratio = before / after;
    report({
      figure: `requests a second of processor time with ${what}`,
      value: ratio,
      unit: 'times',
      peer: 'without',
      goal: hasGoal ? '>= 0.95' : 'shown',
      holds: !hasGoal || ratio >= 0.95,
    });
    if (!isTraced) continue;
    const [added, byHand] = [after - before, bareAfter - bareBefore];
    report({
      figure: `processor time that ${what} add to a request (${added.toFixed(1)} µs)`,
      value: added / byHand,
      unit: 'times',
      peer: `the spans by hand on bare node:http (${byHand.toFixed(1)} µs)`,
      goal: 'shown',
      holds: true,
    });
  }
}

/** The processor time of a request of each server, which neither the client nor other work of the machine is part of. Stops them. */
async function microseconds(servers: readonly Served[]): Promise<readonly number[]> {
  for (const { port } of servers) await warmUp(port);
  const measured = servers.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [at, server] of servers.entries()) {
      const before = (await server.processorMs()) ?? 0;
      await requestsPerSecond(server.port);
      measured[at]?.push(((((await server.processorMs()) ?? 0) - before) * 1_000) / REQUESTS);
    }
  }
  for (const server of servers) server.stop();
  return measured.map((values) => values.sort((one, other) => one - other)[ROUNDS >> 1] as number);
}
