import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allow, checkOptions } from '#core/options';
import { DisposableProcess, type ProcessEnd, programBeside } from '#processes';
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
  maxMs: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  using child = new DisposableProcess<SourceRequest, SourceAnswer>({
    program: programBeside(import.meta.url, './source-child'),
    // The JavaScript engine is an addon; the source runs inside that engine's sandbox.
    permissions: ['addons'],
    clock: systemClock,
    errorOf: (end) => failed(whyUnanswered(end)),
  });
  const answer = await child.ask(request, { maxMs, signal });
  if ('refusal' in answer) throw failed(answer.refusal);
  return answer.component;
}

function whyUnanswered(end: ProcessEnd): string {
  if (end.why === 'late') return `it takes more than ${end.maxMs} ms`;
  return end.why === 'exited' ? `its process ended (${end.how})` : end.message;
}

function failed(why: string): ProjectError {
  return new ProjectError('PROJECT_BUILD_FAILED', `the source cannot be made a component: ${why}`);
}
