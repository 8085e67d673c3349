import { setFlagsFromString } from 'node:v8';
import { RuntimeError } from '../errors.ts';

/** Compiling may take this many milliseconds of processor time. The slowest real module that was measured needs a tenth of it. */
const LEAST_MS = 1_000;
const MS_PER_MEBIBYTE = 500;
const LOOK_EVERY_MS = 20;

/**
 * Compiles every function of the metered modules with V8's baseline compiler, and refuses modules that are slow to compile. The host
 * compiles each function at its first call, on the thread that all components share. A function that takes seconds must therefore be
 * found here, where the parent can kill the process. The check measures processor time, so that a busy machine makes no difference.
 * @throws {RuntimeError} `RUNTIME_INVALID_COMPONENT`
 */
export async function checkCompileTime(modules: readonly { readonly bytes: Uint8Array }[]): Promise<void> {
  // V8 compiles every function together with its module until this is undone.
  setFlagsFromString('--no-wasm-lazy-compilation');
  const bytes = modules.reduce((sum, module) => sum + module.bytes.length, 0);
  const allowedMs = LEAST_MS + Math.ceil((bytes / 2 ** 20) * MS_PER_MEBIBYTE);
  const before = process.cpuUsage();
  let stopWatch = (): void => {};
  const slow = new Promise<never>((_, reject) => {
    const watch = setInterval(() => {
      const { user, system } = process.cpuUsage(before);
      if ((user + system) / 1000 <= allowedMs) return;
      reject(
        new RuntimeError(
          'RUNTIME_INVALID_COMPONENT',
          `compiling the component's core modules takes more than ${allowedMs} ms of processor time; split its functions`,
          { details: { allowedMs, bytes } },
        ),
      );
    }, LOOK_EVERY_MS);
    stopWatch = () => clearInterval(watch);
  });
  try {
    const compiled = modules.map((module) => WebAssembly.compile(module.bytes as Uint8Array<ArrayBuffer>));
    await Promise.race([Promise.all(compiled), slow]);
  } finally {
    // A tool that the next build of this process loads is compiled function by function, as it is used.
    setFlagsFromString('--wasm-lazy-compilation');
    stopWatch();
  }
}
