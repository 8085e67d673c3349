import { MOST_MEMORIES, MOST_PARTS } from '#core/limits';
import { type LinkedComponent, linkComponent, readComponent, WasmError } from '#wasm';
import { RuntimeError } from '../errors.ts';

/**
 * Counts what instantiating a component would make, before the build spends time on it: a file of some kilobytes may
 * instantiate one large module a thousand times.
 * @throws {RuntimeError} `RUNTIME_INVALID_COMPONENT`
 */
export function checkInstantiation(component: Uint8Array): void {
  let linked: LinkedComponent;
  try {
    linked = linkComponent(readComponent(component));
  } catch (cause) {
    if (!(cause instanceof WasmError)) throw cause;
    if (cause.code !== 'WASM_TOO_LARGE') return; // The transpiler describes any other fault better.
    throw new RuntimeError('RUNTIME_INVALID_COMPONENT', cause.message, { cause, details: cause.details });
  }
  let [parts, memories] = [0, 0];
  for (const { module } of linked.steps) {
    const found = linked.modules[module];
    if (found === undefined) continue;
    parts += 1 + found.imports.length + found.exports.length + found.memories.length;
    memories += found.memories.length;
  }
  if (parts > MOST_PARTS) throw tooMany(`${parts} instances, imports, exports and memories`, MOST_PARTS);
  if (memories > MOST_MEMORIES) throw tooMany(`${memories} memories`, MOST_MEMORIES);
}

function tooMany(what: string, most: number): RuntimeError {
  return new RuntimeError(
    'RUNTIME_INVALID_COMPONENT',
    `the component makes ${what} when it is instantiated; at most ${most} are allowed: build it with fewer`,
    { details: { most } },
  );
}
