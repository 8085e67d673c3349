import { fork } from 'node:child_process';
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
export function embedWit(
  name: string,
  text: Uint8Array,
  world: string | undefined,
  maxTimeMs: number = MAX_TIME_MS,
): Promise<Uint8Array> {
  if (text.length > MAX_WIT_BYTES) {
    throw refused(name, `it has ${text.length} bytes, more than ${MAX_WIT_BYTES}; give the interface alone`);
  }
  const child = fork(new URL(import.meta.url.endsWith('.ts') ? './wit-child.ts' : './wit-child.js', import.meta.url), {
    serialization: 'advanced',
    // The child gets none of the host's environment variables. It may read files, but may neither write files nor start processes.
    env: {},
    execArgv: ['--permission', '--allow-fs-read=*', '--allow-worker', '--no-warnings'],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const fail = (why: string): void => reject(refused(name, why));
  const stopTimer = systemClock.after(maxTimeMs, () => fail(`it takes the compiler more than ${maxTimeMs} ms`));
  child.on('message', (answer: WitAnswer) =>
    'coreModule' in answer ? resolve(answer.coreModule) : fail(answer.refusal),
  );
  child.on('exit', (code, by) => fail(`the compiler ended (${by ?? `exit ${code}`})`));
  child.on('error', (error) => fail(error.message));
  const request: WitRequest = { witSource: Buffer.from(text).toString(), world };
  child.send(request);
  return promise.finally(() => {
    stopTimer();
    child.kill('SIGKILL');
  });
}

function refused(name: string, why: string): RegistryError {
  return new RegistryError('REGISTRY_INVALID_QUERY', `${name} is no WIT with one world: ${why}`);
}
