import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tools } from '../../tools/toolchains/build.ts';
import { TOOLCHAINS } from '../../tools/toolchains/table.ts';
import type { Report } from '../figure.ts';
import { paired } from '../support/measure.ts';

const COLD_ROUNDS = 5;
const WARM_ROUNDS = 9;
const BUILT = '.ci/cache/toolchains';

/**
 * Measures the time from starting a process to its first output, for each toolchain's tool, beside `jco run` and `wasmtime run`. Committed
 * components are measured, and those that `npm run toolchains` has left. It needs npm and pip, for the peers.
 */
export async function firstOutput(print: Report): Promise<void> {
  const tools = new Tools(BUILT);
  let jco: string;
  let wasmtime: string;
  try {
    jco = tools.jcoProgram();
    wasmtime = tools.wasmtime;
  } catch {
    console.error('guests: first outputs are not measured, because jco or wasmtime cannot be installed');
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'vivarium-bench-first-'));
  const viv = (component: string, cache: string) => {
    const env = { VIVARIUM_CACHE_DIR: join(folder, cache) };
    return timed(process.execPath, ['bin/viv.js', 'run', component, '--', 'one'], env);
  };
  try {
    for (const { name, language, madeBy, scenarios } of TOOLCHAINS) {
      const committed = join('test/toolchains/components', `${name}.wasm`);
      const component = existsSync(committed) ? committed : join(BUILT, `${name}.wasm`);
      // What has another purpose than to say hello does not print its arguments, and jco refuses exceptions.
      if (!existsSync(component) || !scenarios.includes('arguments')) continue;
      const byJco = () => timed(process.execPath, [jco, 'run', component, 'one']);
      const byWasmtime = () => timed(wasmtime, ['run', component, 'one']);
      const figure = `first output, ${language} (${madeBy})`;
      let round = 0;
      const cold = await paired(COLD_ROUNDS, () => viv(component, `cold-${name}-${round++}`), byJco);
      await viv(component, 'warm');
      const warm = await paired(WARM_ROUNDS, () => viv(component, 'warm'), byJco);
      const beside = await paired(WARM_ROUNDS, () => viv(component, 'warm'), byWasmtime);
      const line = { unit: 'times', peer: 'jco run' } as const;
      print({ ...line, figure: `${figure}, cold`, value: cold.ratio, goal: 'at most 1.0', holds: cold.ratio <= 1 });
      print({ ...line, figure: `${figure}, warm`, value: warm.ratio, goal: 'at most 0.35', holds: warm.ratio <= 0.35 });
      print({
        figure: `${figure}, warm`,
        value: beside.ratio,
        unit: 'times',
        peer: 'wasmtime run',
        goal: 'none',
        holds: true,
      });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Returns the milliseconds until a program's first output. @throws {Error} if it fails, or ends without one */
async function timed(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
  const began = performance.now();
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, ...env } });
  let took: number | undefined;
  child.stdout.on('data', () => {
    took ??= performance.now() - began;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (took === undefined || code !== 0) throw new Error(`${program} ${args.join(' ')} failed, or printed nothing`);
  return took;
}
