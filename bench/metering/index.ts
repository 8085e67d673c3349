import { node24 } from '../../tools/node24.ts';
import type { Report, RunGroup } from '../figure.ts';
import { overshoot } from './deadline.ts';
import type { Way } from './guests.ts';
import { type KernelRatios, kernelsIn, meanOf, worstOf } from './kernels.ts';
import { measureWasmtime } from './peer.ts';
import { measureQuickJs } from './quickjs.ts';
import { growth, largeModules, measureRewriting, moduleOf, warmSpeed } from './rewriting.ts';
import { measureSqlite, sqliteBytes } from './sqlite.ts';
import { geometricMean } from './statistics.ts';

/** Measures all that metering costs; `--quick` takes fewer rounds and leaves other processes out. */
export const run: RunGroup = async (report) => {
  const quick = process.argv.includes('--quick');
  const here = process.versions.node.startsWith('24.') ? '24' : '26';
  const kernels = await kernelsIn(quick ? { rounds: 60, processes: 1 } : { rounds: 200, processes: 3 });
  reportKernels(report, `Node ${here}`, kernels, here === '24' ? GOALS.node24 : GOALS.node26);
  await reportPrograms(report, quick);
  await reportRewriting(report, quick);
  for (const [limit, calls] of quick
    ? ([
        [1, 100],
        [10, 20],
      ] as const)
    : ([
        [1, 300],
        [10, 200],
        [100, 200],
      ] as const)) {
    for (const mode of ['fuel', 'deadline'] as const) {
      const past = overshoot(mode, limit, calls);
      atMost(report, `overshoot of a deadline of ${limit} ms, 99th percentile, ${mode}`, past, 'ms', 2);
    }
  }
  if (quick) return;
  await reportElsewhere(report);
  await reportPeer(report, kernels);
};

interface Goals {
  readonly mean: number;
  readonly worst: number;
}

const GOALS = {
  node26: { mean: 1.05, worst: 1.25 },
  node24: { mean: 1.1, worst: 1.4 },
  node24Hinted: { mean: 1.05, worst: 1.4 },
} as const;

function reportKernels(report: Report, where: string, kernels: KernelRatios, { mean, worst }: Goals): void {
  ratio(report, `${where}: kernels without fib, geometric mean, fuel`, meanOf(kernels, 'fuel'), mean);
  const [name, most] = worstOf(kernels, 'fuel');
  ratio(report, `${where}: dearest kernel (${name}), fuel`, most, worst);
  ratio(report, `${where}: kernels without fib, geometric mean, deadline`, meanOf(kernels, 'deadline'), 1.03);
  const [slowest, slow] = worstOf(kernels, 'deadline');
  ratio(report, `${where}: dearest kernel (${slowest}), deadline`, slow, 1.15);
  for (const [kernel, by] of Object.entries(kernels)) {
    const counted = kernel !== 'fib';
    ratio(report, `${where}: kernel ${kernel}, fuel`, by.fuel, counted ? worst : Number.POSITIVE_INFINITY);
    ratio(report, `${where}: kernel ${kernel}, deadline`, by.deadline, counted ? 1.15 : Number.POSITIVE_INFINITY);
  }
}

async function reportPrograms(report: Report, quick: boolean): Promise<void> {
  const sqlite = await measureSqlite(quick ? 20 : 60);
  const quickjs = await measureQuickJs(quick ? 60 : 150);
  for (const way of ['fuel', 'deadline'] satisfies Way[]) {
    ratio(report, `sqlite queries, ${way}`, sqlite.queries[way], 1.1);
    ratio(report, `sqlite inserts, ${way}`, sqlite.inserts[way], 1.2);
    ratio(report, `a QuickJS guest, ${way}`, quickjs[way], 1.1);
  }
}

async function reportRewriting(report: Report, quick: boolean): Promise<void> {
  const modules = quick ? largeModules().slice(0, 1) : largeModules();
  for (const { name, bytes } of modules) {
    const { warm, first, memory, growth: more } = await measureRewriting(bytes, quick ? 3 : 6);
    atLeast(report, `rewriting ${name}, warm`, warm, 'MB/s', 60);
    atLeast(report, `rewriting ${name}, first call of a process`, first, 'MB/s', 25);
    atMost(report, `memory for rewriting ${name}, by the module's size`, memory, 'times', 3);
    atMost(report, `growth of ${name}`, more * 100, '%', 40);
  }
  atMost(report, 'growth of sqlite (C)', growth(sqliteBytes()) * 100, '%', 50);
  const speeds = (quick ? [1, 4] : [1, 4, 16]).map((megabytes) => {
    const speed = warmSpeed(moduleOf(megabytes * 1e6), quick ? 3 : 6);
    atLeast(report, `rewriting ${megabytes} MB of sqlite's functions, warm`, speed, 'MB/s', 60);
    return speed;
  });
  atLeast(report, 'speed on the largest of these, against the smallest', speeds.at(-1)! / speeds[0]!, 'times', 0.8);
}

async function reportElsewhere(report: Report): Promise<void> {
  const rounds = 150;
  const baseline = await kernelsIn({ rounds, processes: 1, flags: ['--liftoff-only'] });
  shown(report, 'baseline code alone: kernels without fib, geometric mean, fuel', meanOf(baseline, 'fuel'));
  shown(
    report,
    `baseline code alone: dearest kernel (${worstOf(baseline, 'fuel')[0]}), fuel`,
    worstOf(baseline, 'fuel')[1],
  );
  const node = node24();
  if (node === undefined) {
    console.error('metering: no Node 24 is at hand, so nothing was measured there; set VIVARIUM_NODE24');
    return;
  }
  if (node !== process.execPath) {
    reportKernels(report, 'Node 24', await kernelsIn({ rounds, processes: 3, node }), GOALS.node24);
  }
  const flags = ['--experimental-wasm-branch-hinting'];
  const hinted = await kernelsIn({ rounds, processes: 3, node, flags });
  reportKernels(report, 'Node 24 with branch hints', hinted, GOALS.node24Hinted);
}

async function reportPeer(report: Report, kernels: KernelRatios): Promise<void> {
  const peer = await measureWasmtime(100);
  if (peer === undefined) {
    console.error('metering: wasmtime is not installed, so it was not compared with; npm run oracle installs it');
    return;
  }
  const names = Object.keys(peer.times).filter((name) => name !== 'fib');
  const theirs = (way: 'fuel' | 'epoch'): number =>
    geometricMean(names.map((name) => peer.times[name]![way] / peer.times[name]!.plain));
  const ours = geometricMean(names.map((name) => kernels[name]!.fuel));
  for (const [name, { plain, fuel }] of Object.entries(peer.times)) {
    report({
      figure: `kernel ${name}: our fuel`,
      value: kernels[name]!.fuel,
      unit: 'times',
      peer: `wasmtime ${(fuel / plain).toFixed(3)}`,
      goal: 'shown only',
      holds: true,
    });
  }
  shown(report, "wasmtime's own fuel, the same kernels without fib and hostcall", theirs('fuel'));
  shown(report, "wasmtime's own epochs, the same kernels", theirs('epoch'));
  report({
    figure: 'our fuel, the same kernels, against wasmtime with and without fuel',
    value: ours,
    unit: 'times',
    peer: `wasmtime ${theirs('fuel').toFixed(3)}`,
    goal: 'lower than wasmtime',
    holds: ours < theirs('fuel'),
  });
  atMost(report, 'kernels whose fuel is not that of wasmtime', peer.different.length, 'kernels', 0);
}

function ratio(report: Report, figure: string, value: number, goal: number): void {
  const holds = value <= goal;
  const text = Number.isFinite(goal) ? `at most ${goal}` : 'shown only';
  report({ figure, value, unit: 'times', peer: 'the plain module', goal: text, holds });
}

function shown(report: Report, figure: string, value: number): void {
  report({ figure, value, unit: 'times', peer: 'the plain module', goal: 'shown only', holds: true });
}

function atMost(report: Report, figure: string, value: number, unit: string, goal: number): void {
  report({ figure, value, unit, goal: `at most ${goal}`, holds: value <= goal });
}

function atLeast(report: Report, figure: string, value: number, unit: string, goal: number): void {
  report({ figure, value, unit, goal: `at least ${goal}`, holds: value >= goal });
}
