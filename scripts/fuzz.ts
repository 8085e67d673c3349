// npm run fuzz -- metering --minutes N [--seed S] [--count N] [--each N]: searches for programs that evade metering, in a process that may be killed.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Kind } from './fuzz/candidates.ts';
import type { Verdict } from './fuzz/judge.ts';
import { refuse, scriptOptions } from './script-options.ts';

const USAGE = `usage: npm run fuzz -- metering [--minutes N] [--seed S] [--count N] [--each N]

  --minutes N    how long to search (1)
  --seed S       the first candidate (taken from the clock)
  --count N      how many candidates at most
  --each N       how many candidates one process judges before the next one has other flags of V8 (50)`;

const { values, positionals } = scriptOptions(USAGE, {
  minutes: { type: 'string', default: '1' },
  seed: { type: 'string' },
  count: { type: 'string' },
  each: { type: 'string', default: '50' },
});
if (positionals[0] !== 'metering') refuse(USAGE, 'say what to search: metering');

/** V8 as it is, and with one of its two wasm compilers alone. */
const FLAGS = [[], ['--no-liftoff'], ['--liftoff-only']];
const each = Number(values.each);

/** For one candidate. A child that starts has more, because a busy machine takes long to load its modules. */
const WATCHDOG_MS = 20_000;
const START_MS = 300_000;
const worker = fileURLToPath(new URL('./fuzz/worker.ts', import.meta.url));
const counts = new Map<string, number>();
const findings: string[] = [];
let child: ChildProcess | undefined;

const first = Number(values.seed ?? Date.now() % 1_000_000_000);
const until = Date.now() + Number(values.minutes) * 60_000;
const end = first + Number(values.count ?? Number.POSITIVE_INFINITY);
let seed = first;
for (; seed < end && Date.now() < until; seed++) {
  const verdict = await judged(seed);
  const line = `${verdict.kind}: ${verdict.outcome}`;
  counts.set(line, (counts.get(line) ?? 0) + 1);
  if (verdict.finding === undefined) continue;
  findings.push(`seed ${seed} (${verdict.kind}): ${verdict.finding}`);
  console.error(`fuzz: FOUND ${findings.at(-1)}\n      node scripts/fuzz/worker.ts ${seed} FILE.wasm shows it`);
}
child?.kill('SIGKILL');
for (const [line, count] of [...counts].sort()) console.log(`fuzz: ${String(count).padStart(6)} ${line}`);
console.log(`fuzz: seeds ${first} to ${seed - 1}, ${findings.length} findings`);
process.exitCode = findings.length === 0 ? 0 : 1;

/** The verdict of the child, or what became of the child. */
async function judged(number: number): Promise<Verdict & { kind: Kind | 'lost' }> {
  const process = await running(number);
  return new Promise((resolve) => {
    const lost = (finding: string): void => {
      process.removeAllListeners();
      process.kill('SIGKILL');
      child = undefined;
      resolve({ kind: 'lost', outcome: 'killed', finding });
    };
    const watchdog = setTimeout(() => lost(`hung for ${WATCHDOG_MS / 1000} s`), WATCHDOG_MS);
    process.once('exit', (code, signal) => {
      clearTimeout(watchdog);
      lost(`the process ended with ${signal ?? code}`);
    });
    process.once('message', (verdict: Verdict & { kind: Kind }) => {
      clearTimeout(watchdog);
      process.removeAllListeners();
      resolve(verdict);
    });
    process.send(number);
  });
}

/** The child for a seed; a new one now and then, with other flags. */
async function running(number: number): Promise<ChildProcess> {
  if ((number - first) % each === 0) {
    child?.removeAllListeners();
    child?.kill('SIGKILL');
    child = undefined;
  }
  const flags = FLAGS[Math.floor((number - first) / each) % FLAGS.length]!;
  const execArgv = ['--max-old-space-size=1024', ...flags];
  if (child !== undefined) return child;
  const started = fork(worker, { execArgv, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  // It says that it has loaded.
  await once(started, 'message', { signal: AbortSignal.timeout(START_MS) });
  child = started;
  return started;
}
