import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '#core/errors';
import { ProjectError } from './errors.ts';

/** The componentizer of this engine takes 385 MB: fetched by npx when it is asked for, not installed with Vivarium. */
const PACKAGE = '@bytecodealliance/componentize-js@0.23.0';

const run = promisify(execFile);

/** Makes a component with StarlingMonkey. Needs the npm registry at its first use. @throws {ProjectError} `PROJECT_BUILD_FAILED` */
export async function starlingMonkey(source: string, witPath: string, world: string): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'vivarium-build-'));
  try {
    const [input, output] = [join(folder, 'actor.js'), join(folder, 'actor.wasm')];
    await writeFile(input, source);
    const features = ['http', 'fetch-event'].flatMap((feature) => ['--disable', feature]);
    const args = ['--yes', PACKAGE, input, '--wit', witPath, '--world-name', world, ...features, '--out', output];
    await run('npx', args, { cwd: folder, maxBuffer: 16 * 2 ** 20 });
    return await readFile(output);
  } catch (cause) {
    const message = `componentize-js cannot make the component (it is fetched from the npm registry by npx): ${messageOf(cause)}`;
    throw new ProjectError('PROJECT_BUILD_FAILED', message, { cause });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
