import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '#core/errors';
import { allow, checkOptions } from '#core/options';
import { bundleForeignSource, ProjectError } from '#project';
import { componentizeApart, MAX_SOURCE_MS } from './component-process.ts';
import { guestLibrary } from './project.ts';

export interface BuildSourceOptions {
  /** The world that the source implements, if the text has several. */
  readonly world?: string | undefined;
  /** Milliseconds that componentizing may take; 60,000 by default. This includes running the source's top level. */
  readonly maxTimeMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const OPTIONS: allow.OptionRules<BuildSourceOptions> = {
  world: allow.text,
  maxTimeMs: allow.period,
  signal: allow.signal,
};
const RULE = allow.options(OPTIONS);

/**
 * Builds a component from JavaScript or TypeScript source that nobody has reviewed, such as source that a model wrote. The source
 * may import only the guest library and WIT interfaces. Its top level runs in a child process, which is killed at the time limit.
 * @param wit the text of a WIT package that contains the world that the source implements
 * @throws `PROJECT_BUILD_FAILED`, `CORE_INVALID_OPTION`, the signal's reason
 */
export async function buildSource(source: string, wit: string, options: BuildSourceOptions = {}): Promise<Uint8Array> {
  checkOptions(options, RULE);
  checkOptions(source, allow.text, 'source');
  checkOptions(wit, allow.text, 'wit');
  const { signal, world, maxTimeMs = MAX_SOURCE_MS } = options;
  signal?.throwIfAborted();
  const bundle = await bundleForeignSource(source, guestLibrary);
  const folder = await mkdtemp(join(tmpdir(), 'vivarium-source-'));
  try {
    const witPath = join(folder, 'world.wit');
    await writeFile(witPath, wit);
    return await componentizeApart({ bundle, witPath, world }, { maxMs: maxTimeMs, signal }).catch((error) => {
      signal?.throwIfAborted();
      throw failed(messageOf(error));
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function failed(why: string): ProjectError {
  return new ProjectError('PROJECT_BUILD_FAILED', `the source cannot be made a component: ${why}`);
}
