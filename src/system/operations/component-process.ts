import { DisposableProcess, type ProcessEnd, programBeside } from '#processes';
import { systemClock } from '../clock.ts';

/** The message to the child process. */
export interface SourceRequest {
  readonly bundle: string;
  readonly witPath: string;
  readonly world: string | undefined;
}

/** The answer of the child process. */
export type SourceAnswer = { readonly component: Uint8Array } | { readonly refusal: string };

/** Milliseconds that making a component may take, including the source's top level, which runs meanwhile. */
export const MAX_SOURCE_MS = 60_000;

/**
 * Makes a component of a bundle in a child process, because the top level of its source runs meanwhile and may never end.
 * @param limits `maxMs` is the time in milliseconds after which the process is killed, as when the signal is aborted
 * @throws {Error} with the reason as half a sentence; the signal's reason
 */
export async function componentizeApart(
  request: SourceRequest,
  limits: { readonly maxMs: number; readonly signal?: AbortSignal | undefined },
): Promise<Uint8Array> {
  using child = new DisposableProcess<SourceRequest, SourceAnswer>({
    program: programBeside(import.meta.url, './source-child'),
    // The JavaScript engine is an addon; the source runs inside that engine's sandbox.
    permissions: ['addons'],
    clock: systemClock,
    errorOf: (end) => new Error(whyUnanswered(end)),
  });
  const answer = await child.ask(request, limits);
  if ('refusal' in answer) throw new Error(answer.refusal);
  return answer.component;
}

function whyUnanswered(end: ProcessEnd): string {
  if (end.why === 'late') return `it takes more than ${end.maxMs} ms; its top level runs meanwhile and must end`;
  return end.why === 'exited' ? `its process ended (${end.how})` : end.message;
}
