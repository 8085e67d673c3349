import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Report } from '../figure.ts';
import { paired } from '../support/measure.ts';
import { information } from './start.ts';

const ROUNDS = 31;
const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

/** Processor time of `import 'vivarium'` over that of Node alone, so that a busy machine counts little. */
export async function importCost(report: Report): Promise<void> {
  const measure = (code: string) => async () => processorMs(code);
  const { a: alone, b: imported } = await paired(ROUNDS, measure(''), measure("await import('vivarium');"));
  const value = imported - alone;
  report({
    figure: 'import of Vivarium, processor time over bare Node',
    value,
    unit: 'ms',
    goal: '<= 40',
    holds: value <= 40,
  });
  const create = "await (await (await import('vivarium')).createRuntime()).close();";
  const { a, b } = await paired(ROUNDS, measure(''), measure(create));
  report(information('import, create and close a runtime, processor time over bare Node', b - a));
}

/** The processor time that a process has used when it ends, in all its threads. */
function processorMs(code: string): number {
  const told = "process.on('exit', () => console.log(JSON.stringify(process.resourceUsage())));";
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', `${told}${code}`], {
    cwd: REPOSITORY,
    encoding: 'utf8',
  });
  const { userCPUTime, systemCPUTime } = JSON.parse(output) as NodeJS.ResourceUsage;
  return (userCPUTime + systemCPUTime) / 1_000;
}
