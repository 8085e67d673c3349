import { PassThrough, Readable } from 'node:stream';
import type { Runtime } from '../../src/index.ts';
import { GUEST_FOLDER, type Outcome, type Scenario, shown, TRAPPED, VARIABLES, withFolder } from './scenarios.ts';

/** Runs a tool as `viv run` does. */
export function runHere(runtime: Runtime, component: string, scenario: Scenario): Promise<Outcome> {
  const { args, input, grants = [] } = scenario;
  return withFolder(async (folder) => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const [out, err] = [stdout.toArray(), stderr.toArray()];
    const code = await runtime
      .run(component, {
        args: ['tool', ...args],
        env: VARIABLES,
        preopens: { [GUEST_FOLDER]: folder },
        grants: [`filesystem:*:${GUEST_FOLDER}`, `filesystem:*:${GUEST_FOLDER}/**`, ...grants],
        stdin: Readable.from([Buffer.from(input ?? [])], { objectMode: false }),
        stdout,
        stderr,
        limits: { maxExecutionTimeMs: 60_000, maxStartTimeMs: 60_000, maxMemoryBytes: 2 ** 30 },
      })
      .catch((error) => {
        if (error.code !== 'RUNTIME_TRAP') throw error;
        return TRAPPED;
      });
    stdout.end();
    stderr.end();
    const outcome = { code, stdout: shown(Buffer.concat(await out)) };
    const errors = shown(Buffer.concat(await err));
    return code === TRAPPED ? outcome : { ...outcome, stderr: errors };
  });
}
