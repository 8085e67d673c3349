import type { VivariumError } from '#core';
import { MeteringError } from './errors.ts';
import { NAMESPACE } from './metadata.ts';

/* What was thrown out of a guest, as far as V8's words tell. */

export function isTrap(thrown: unknown): thrown is WebAssembly.RuntimeError {
  return thrown instanceof WebAssembly.RuntimeError;
}

/** V8's words, and those that jco's glue puts in their place. */
const UNREACHABLE = /^(?:unreachable|wasm trap: wasm `unreachable` instruction executed)$/;

/** Whether the guest ran into `unreachable`, as a spent counter makes it do. */
export function isUnreachable(thrown: unknown): boolean {
  return isTrap(thrown) && UNREACHABLE.test(thrown.message);
}

export function isStackOverflow(thrown: unknown): boolean {
  return thrown instanceof RangeError && thrown.message === 'Maximum call stack size exceeded';
}

/** `    at name (wasm://wasm/module-0123abcd:wasm-function[7]:0x1f)`: the module's name stands first, or alone. */
const FRAME = /^ {4}at (?:async )?(.+) \(wasm:\/\/wasm\/(?:(.*)-)?[0-9a-f]{8}:/gm;

/** The guest's function that was running when `thrown` was thrown, where V8 says so. */
function runningFunction(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || typeof thrown.stack !== 'string') return undefined;
  for (const [, name = '', module] of thrown.stack.matchAll(FRAME)) {
    if (!name.includes(NAMESPACE)) return name === module ? undefined : name;
  }
  return undefined;
}

/** The error, saying which function was running when that is known. */
export function named(failure: VivariumError, thrown: unknown): VivariumError {
  const running = runningFunction(thrown);
  if (running === undefined || !(failure instanceof MeteringError) || 'function' in failure.details) return failure;
  return new MeteringError(failure.code, `${failure.message}, in function ${running}`, {
    cause: failure.cause ?? thrown,
    details: { ...failure.details, function: running },
  });
}
