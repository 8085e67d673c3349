import { setFlagsFromString } from 'node:v8';
import { RuntimeError } from '../errors.ts';

/** Milliseconds of processor time that compiling may take: a tenth of it is enough for the slowest real module measured. */
const LEAST_MS = 1_000;
const MS_PER_MEBIBYTE = 500;
const LOOK_EVERY_MS = 20;

/**
 * Compiles every function of the metered modules by V8's baseline compiler, and refuses what is slow there. The host compiles
 * each function when it is first called, on the thread that all components share: what takes seconds must end here, where
 * the parent can kill the process. Processor time is measured, because a busy machine says nothing about a module.
 * @throws {RuntimeError} `RUNTIME_INVALID_COMPONENT`
 */
export async function checkCompileTime(modules: readonly { readonly bytes: Uint8Array }[]): Promise<void> {
  // From here on every function of a module is compiled with it; what the transpiler needs has been compiled before.
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
    stopWatch();
  }
}
