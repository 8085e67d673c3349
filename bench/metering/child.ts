// node [flags] bench/metering/child.ts TASK ARGUMENT: one measurement in a process of its own, printed as JSON.
import { readFileSync, writeFileSync } from 'node:fs';
import { meter } from './guests.ts';
import { measureKernels } from './kernels.ts';
import { timed } from './statistics.ts';

const [task, argument] = process.argv.slice(2);
if (task === 'kernels') {
  console.log(JSON.stringify(measureKernels(Number(argument))));
} else if (task === 'first-call') {
  const bytes = readFileSync(argument!);
  const before = residentBytes();
  const milliseconds = timed(() => meter.meterModule(bytes, 'fuel'));
  const peak = residentBytes('VmHWM');
  console.log(JSON.stringify({ milliseconds, residentBytes: peak - before }));
} else {
  throw new Error(`no such task: ${task}`);
}

/** Resident memory now, after which Linux counts its peak anew; or that peak. */
function residentBytes(field: 'VmRSS' | 'VmHWM' = 'VmRSS'): number {
  if (field === 'VmRSS') writeFileSync('/proc/self/clear_refs', '5');
  const line = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(line?.[1]) * 1024;
}
