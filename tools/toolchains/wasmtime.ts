import { spawnSync } from 'node:child_process';
import { GUEST_FOLDER, type Outcome, type Scenario, shown, TRAPPED, VARIABLES, withFolder } from './scenarios.ts';

/** Runs a tool by wasmtime's command line. */
export function runByWasmtime(
  wasmtime: string,
  component: string,
  { args, input, usesLoopback }: Scenario,
): Promise<Outcome> {
  return withFolder((folder) => {
    const variables = Object.entries(VARIABLES).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
    const options = [
      ...variables,
      '--dir',
      `${folder}::${GUEST_FOLDER}`,
      '--argv0',
      'tool',
      '-S',
      'cli-exit-with-code,p3',
      '-W',
      'component-model-async',
      ...(usesLoopback === true ? ['-S', 'inherit-network,allow-ip-name-lookup'] : []),
    ];
    const ran = spawnSync(wasmtime, ['run', ...options, component, ...args], {
      input: input ?? '',
      maxBuffer: 2 ** 24,
    });
    if (ran.error !== undefined) throw ran.error;
    const code = ran.status ?? TRAPPED;
    const outcome = { code, stdout: shown(ran.stdout) };
    return code === TRAPPED ? outcome : { ...outcome, stderr: shown(ran.stderr) };
  });
}
