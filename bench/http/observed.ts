import type { Report } from '../figure.ts';
import { paired } from '../support/measure.ts';
import { REQUESTS, requestsPerSecond, warmUp } from './load.ts';
import { type Served, served } from './servers.ts';

const ROUNDS = 9;

/** What servers do beside answering: their name, the argument of the program, and whether there is a goal for it. */
const OBSERVED = [
  ['metrics', 'metrics', true],
  ['metrics and tracing, one trace in twenty kept', '0.05', true],
  ['metrics and tracing, every trace kept', '1', false],
] as const;

/** What it costs to count every request, and to trace requests as well, with OpenTelemetry's own SDK behind the API. */
export async function observed(report: Report): Promise<void> {
  const without = await served('per-actor');
  await warmUp(without.port);
  for (const [what, how, hasGoal] of OBSERVED) {
    const server = await served('per-actor', how);
    await warmUp(server.port);
    const { ratio } = await paired(
      ROUNDS,
      () => requestsPerProcessorSecond(server),
      () => requestsPerProcessorSecond(without),
    );
    server.stop();
    report({
      figure: `requests a second of processor time with ${what}`,
      value: ratio,
      unit: 'times',
      peer: 'without',
      goal: hasGoal ? '>= 0.95' : 'shown',
      holds: !hasGoal || ratio >= 0.95,
    });
  }
  without.stop();
}

/** The rate for each second of processor time that the server has used, which neither the client nor other work of the machine is part of. */
async function requestsPerProcessorSecond(server: Served): Promise<number> {
  const before = (await server.processorMs()) ?? 0;
  await requestsPerSecond(server.port);
  return (REQUESTS * 1_000) / (((await server.processorMs()) ?? 0) - before);
}
