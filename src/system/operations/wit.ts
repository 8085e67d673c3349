import { fork } from 'node:child_process';
import { RegistryError } from '#registry';
import { systemClock } from '../clock.ts';

/** The largest WIT text that is compiled; the largest packages of WASI have a tenth of it. */
const MAX_WIT_BYTES = 2 ** 20;
const MAX_TIME_MS = 10_000;

/** What the child is sent. */
export interface WitRequest {
  readonly witSource: string;
  /** Left out where the text has one world only. */
  readonly world: string | undefined;
}

/** What the child answers. */
export type WitAnswer = { readonly coreModule: Uint8Array } | { readonly refusal: string };

/**
 * Compiles WIT text, which may be anybody's, to a core module with the world embedded. In a child process: the compiler
 * may panic, loop or eat memory on it, and the child alone is lost.
 * @param name of the text, for messages
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
    // Nothing of the host's environment reaches the child, and it may read files but neither write nor start anything.
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
