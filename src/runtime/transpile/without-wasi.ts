import { randomFillSync } from 'node:crypto';
import { registerHooks } from 'node:module';

const SHIM = /^@bytecodealliance\/preview2-shim\/(?:cli|filesystem|io|random)$/;

/**
 * Gives modules that this thread imports from now on the exports of this module in place of jco's WASI, where they import that. The
 * tools read and write nothing but their arguments, so they need no system; and importing jco's WASI starts a thread of its own and
 * takes as long as validating a component.
 */
export function withoutWasi(): void {
  registerHooks({
    resolve: (specifier, context, next) =>
      SHIM.test(specifier) ? { url: import.meta.url, shortCircuit: true } : next(specifier, context),
  });
}

class Nothing {}
class InputStream extends Nothing {}
/** What a tool writes before a panic. The error that it throws says enough. */
class OutputStream extends Nothing {
  checkWrite(): bigint {
    return 4_096n;
  }
  write(): void {}
  blockingFlush(): void {}
  blockingWriteAndFlush(): void {}
}
const input = new InputStream();
const output = new OutputStream();

export const environment = { getEnvironment: (): [string, string][] => [] };
export const exit = {
  exit: (): never => {
    throw new Error('the tool ended by itself');
  },
};
export const stdin = { getStdin: () => input };
export const stdout = { getStdout: () => output };
export const stderr = { getStderr: () => output };
export const terminalInput = { TerminalInput: Nothing };
export const terminalOutput = { TerminalOutput: Nothing };
export const terminalStdin = { getTerminalStdin: () => undefined };
export const terminalStdout = { getTerminalStdout: () => undefined };
export const terminalStderr = { getTerminalStderr: () => undefined };
export const preopens = { getDirectories: (): [] => [] };
export const types = {
  Descriptor: Nothing,
  DirectoryEntryStream: Nothing,
  filesystemErrorCode: () => undefined,
};
export const error = { Error: Nothing };
export const streams = { InputStream, OutputStream };
export const random = {
  getRandomBytes: (length: bigint) => randomFillSync(new Uint8Array(Number(length))),
  getRandomU64: () => randomFillSync(new BigUint64Array(1))[0],
};
