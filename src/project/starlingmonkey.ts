import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '#core/errors';
import type { ComponentSource } from './component-source.ts';
import { ProjectError } from './errors.ts';

/** This engine's componentizer takes 385 MB. Therefore npx fetches it on first use, and it is not installed with Vivarium. */
const PACKAGE = '@bytecodealliance/componentize-js@0.23.0';

const run = promisify(execFile);

/** Builds a component with StarlingMonkey. The first use needs the npm registry. @throws {ProjectError} `PROJECT_BUILD_FAILED` */
export async function starlingMonkey(
  { bundle, witPath, world }: ComponentSource,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'vivarium-build-'));
  try {
    const [input, output] = [join(folder, 'actor.js'), join(folder, 'actor.wasm')];
    await writeFile(input, bundle);
    const features = ['http', 'fetch-event'].flatMap((feature) => ['--disable', feature]);
    const args = ['--yes', PACKAGE, input, '--wit', witPath, '--world-name', world, ...features, '--out', output];
    await run('npx', args, { cwd: folder, maxBuffer: 16 * 2 ** 20, signal });
    return await readFile(output);
  } catch (cause) {
    const message = `componentize-js cannot make the component (it is fetched from the npm registry by npx): ${messageOf(cause)}`;
    throw new ProjectError('PROJECT_BUILD_FAILED', message, { cause });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
