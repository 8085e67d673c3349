import { DisposableProcess, type ProcessEnd, programBeside } from '#processes';
import { RegistryError } from '#registry';
import { systemClock } from '../clock.ts';

/** The largest WIT text that is compiled, about ten times as large as the largest WASI package. */
const MAX_WIT_BYTES = 2 ** 20;
const MAX_TIME_MS = 10_000;

/** The message to the child process. */
export interface WitRequest {
  readonly witSource: string;
  /** Undefined if the text has only one world. */
  readonly world: string | undefined;
}

/** The answer of the child process. */
export type WitAnswer = { readonly coreModule: Uint8Array } | { readonly refusal: string };

/**
 * Compiles WIT text to a core module with the world embedded. The text may be hostile: it may make the compiler panic, loop or
 * exhaust memory. The compiler therefore runs in a child process, so that only the child is lost.
 * @param name the name of the text in error messages
 * @throws {RegistryError} `REGISTRY_INVALID_QUERY`
 */
export async function embedWit(
  name: string,
  text: Uint8Array,
  world: string | undefined,
  maxTimeMs: number = MAX_TIME_MS,
): Promise<Uint8Array> {
  if (text.length > MAX_WIT_BYTES) {
    throw refused(name, `it has ${text.length} bytes, more than ${MAX_WIT_BYTES}; give the interface alone`);
  }
  using child = new DisposableProcess<WitRequest, WitAnswer>({
    program: programBeside(import.meta.url, './wit-child'),
    permissions: ['worker'],
    clock: systemClock,
    errorOf: (end) => refused(name, whyUnanswered(end)),
  });
  const answer = await child.ask({ witSource: Buffer.from(text).toString(), world }, { maxMs: maxTimeMs });
  if ('refusal' in answer) throw refused(name, answer.refusal);
  return answer.coreModule;
}

function whyUnanswered(end: ProcessEnd): string {
  if (end.why === 'late') return `it takes the compiler more than ${end.maxMs} ms`;
  return end.why === 'exited' ? `the compiler ended (${end.how})` : end.message;
}

function refused(name: string, why: string): RegistryError {
  return new RegistryError('REGISTRY_INVALID_QUERY', `${name} is no WIT with one world: ${why}`);
}
