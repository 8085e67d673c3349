import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/**
 * A check that runs a shell command of the user's. `VIVARIUM_COMPONENT` names a file with the component, so that
 * `viv call "$VIVARIUM_COMPONENT" add '[1, 2]'` runs it within limits. Any exit code other than 0 fails the check.
 */
export function checkByCommand(
  command: string,
  print: (line: string) => void,
): (module: { readonly bytes: Uint8Array }, signal: AbortSignal) => Promise<void> {
  return async ({ bytes }, signal) => {
    const folder = await mkdtemp(join(tmpdir(), 'vivarium-check-'));
    const file = join(folder, 'component.wasm');
    try {
      await writeFile(file, bytes);
      await run(command, { ...process.env, VIVARIUM_COMPONENT: file }, print, signal);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
}

function run(
  command: string,
  env: NodeJS.ProcessEnv,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    // The shell gets its own process group, so that killing the group also ends the processes that the shell started.
    const child = spawn(command, { shell: true, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const end = (): void => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // The process group has just ended by itself.
      }
    };
    signal.addEventListener('abort', end, { once: true });
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', print);
    child.once('error', reject);
    child.once('close', (code, by) => {
      signal.removeEventListener('abort', end);
      if (code === 0) resolve();
      else reject(new Error(`the command ended with ${code ?? by}`));
    });
  });
}
