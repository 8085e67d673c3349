import type { VivariumError } from '#core/errors';
import { MeteringError } from '../errors.ts';
import { NAMESPACE } from '../metadata.ts';

/* What was thrown out of a guest, as far as V8's words tell. */

export function isTrap(thrown: unknown): thrown is WebAssembly.RuntimeError {
  return thrown instanceof WebAssembly.RuntimeError;
}

/** V8's messages, and the messages with which jco's glue replaces them. */
const UNREACHABLE = /^(?:unreachable|wasm trap: wasm `unreachable` instruction executed)$/;

/** Whether the guest executed `unreachable`, which a spent counter causes. */
export function isUnreachable(thrown: unknown): boolean {
  return isTrap(thrown) && UNREACHABLE.test(thrown.message);
}

export function isStackOverflow(thrown: unknown): boolean {
  return thrown instanceof RangeError && thrown.message === 'Maximum call stack size exceeded';
}

const FRAME = '    at ';
const PLACE = ' (wasm://wasm/';
/** What follows a module's name in a frame, and stands alone when the module has no name. */
const HASH = /^[0-9a-f]{8}:/;
const HASH_LENGTH = 8;
/** The guest chooses the names of its functions, so they are cut. */
const MOST_NAME = 200;

/** Returns the guest's function that was running when `thrown` was thrown, if V8 reports it. */
function runningFunction(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || typeof thrown.stack !== 'string') return undefined;
  for (const line of thrown.stack.split('\n')) {
    const frame = parseFrame(line);
    if (frame === undefined || frame.name.includes(NAMESPACE)) continue;
    return frame.name === frame.module ? undefined : cut(frame.name);
  }
  return undefined;
}

/**
 * Parses `    at name (wasm://wasm/module-0123abcd:wasm-function[7]:0x1f)`. The module's name stands first, or alone.
 * The guest chooses names, and they may look like any part of a frame, so each mark is searched once from the end,
 * without backtracking.
 */
function parseFrame(line: string): { readonly name: string; readonly module: string | undefined } | undefined {
  if (!line.startsWith(FRAME)) return undefined;
  const place = line.lastIndexOf(PLACE);
  if (place <= FRAME.length) return undefined;
  const name = line.slice(line.startsWith('async ', FRAME.length) ? FRAME.length + 6 : FRAME.length, place);
  const start = place + PLACE.length;
  const end = line.lastIndexOf(':wasm-function[');
  if (end < start + HASH_LENGTH || !HASH.test(line.slice(end - HASH_LENGTH, end + 1))) return undefined;
  return { name, module: end - HASH_LENGTH === start ? undefined : line.slice(start, end - HASH_LENGTH - 1) };
}

function cut(name: string): string {
  return name.length > MOST_NAME ? `${name.slice(0, MOST_NAME)}…`.toWellFormed() : name;
}

/** Adds to the error which function was running, if that is known. */
export function named(failure: VivariumError, thrown: unknown): VivariumError {
  const running = runningFunction(thrown);
  if (running === undefined || !(failure instanceof MeteringError) || 'function' in failure.details) return failure;
  return new MeteringError(failure.code, `${failure.message}, in function ${running}`, {
    cause: failure.cause ?? thrown,
    details: { ...failure.details, function: running },
  });
}
