import { fork } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allow, checkOptions } from '#core/options';
import { bundleForeignSource, ProjectError } from '#project';
import { systemClock } from '../clock.ts';
import { guestLibrary } from './project.ts';

const MAX_TIME_MS = 60_000;

/** The message to the child process. */
export interface SourceRequest {
  readonly bundle: string;
  readonly witPath: string;
  readonly world: string | undefined;
}

/** The answer of the child process. */
export type SourceAnswer = { readonly component: Uint8Array } | { readonly refusal: string };

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
  const { signal, world, maxTimeMs = MAX_TIME_MS } = options;
  signal?.throwIfAborted();
  const bundle = await bundleForeignSource(source, guestLibrary);
  const folder = await mkdtemp(join(tmpdir(), 'vivarium-source-'));
  try {
    const witPath = join(folder, 'world.wit');
    await writeFile(witPath, wit);
    return await componentize({ bundle, witPath, world }, maxTimeMs, signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function componentize(
  request: SourceRequest,
  maxTimeMs: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const isSource = import.meta.url.endsWith('.ts');
  const child = fork(new URL(isSource ? './source-child.ts' : './source-child.js', import.meta.url), {
    serialization: 'advanced',
    // The child gets none of the host's environment variables. It may load addons because the JavaScript engine is one; the
    // source runs inside that engine's sandbox.
    env: {},
    execArgv: ['--permission', '--allow-fs-read=*', '--allow-addons', '--no-warnings'],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const fail = (why: string): void =>
    reject(new ProjectError('PROJECT_BUILD_FAILED', `the source cannot be made a component: ${why}`));
  const stopTimer = systemClock.after(maxTimeMs, () => fail(`it takes more than ${maxTimeMs} ms`));
  const onAbort = (): void => reject(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  child.on('message', (answer: SourceAnswer) =>
    'component' in answer ? resolve(answer.component) : fail(answer.refusal),
  );
  child.on('exit', (code, by) => fail(`its process ended (${by ?? `exit ${code}`})`));
  child.on('error', (error) => fail(error.message));
  child.send(request);
  try {
    return await promise;
  } finally {
    stopTimer();
    signal?.removeEventListener('abort', onAbort);
    child.kill('SIGKILL');
  }
}
