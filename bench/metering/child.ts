// node [flags] bench/metering/child.ts TASK ARGUMENT: one measurement in a process of its own, printed as JSON.
import { readFileSync } from 'node:fs';
import { meter } from './guests.ts';
import { measureKernels } from './kernels.ts';
import { timed } from './statistics.ts';

const [task, argument] = process.argv.slice(2);
if (task === 'kernels') {
  console.log(JSON.stringify(measureKernels(Number(argument))));
} else if (task === 'first-call') {
  const bytes = readFileSync(argument!);
  const before = process.resourceUsage().maxRSS;
  const milliseconds = timed(() => meter.meterModule(bytes, 'fuel'));
  const residentBytes = (process.resourceUsage().maxRSS - before) * 1024;
  console.log(JSON.stringify({ milliseconds, residentBytes }));
} else {
  throw new Error(`no such task: ${task}`);
}
