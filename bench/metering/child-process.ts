import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Runs a task of `child.ts` by `node` with V8's flags. */
export async function inChild<T>(
  task: string,
  argument: string,
  flags: readonly string[] = [],
  node = process.execPath,
): Promise<T> {
  const script = fileURLToPath(new URL('./child.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(node, [...flags, script, task, argument], { maxBuffer: 2 ** 24 });
  return JSON.parse(stdout) as T;
}
