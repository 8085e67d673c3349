import { WasmError } from '../errors.ts';
import { CoreNames } from './core-names.ts';

/**
 * Bounds on how much of a component is read. Real components stay far below: a JavaScript engine of 12 MB nests 3
 * levels deep and has about 3,000 items and names of at most 200 bytes. Every item takes at least one byte of input, so
 * the work is linear.
 */
const MAX_DEPTH = 32;
const MAX_ITEMS = 200_000;
const MAX_NAME_BYTES = 4_096;

/** Counts the budget down while one file is read. The input is attacker-controlled. */
export class ReadBudget {
  readonly coreNames = new CoreNames();
  #depth = 0;
  #items = 0;

  /** Counts one definition, field, case, argument or name. @throws {WasmError} `WASM_TOO_LARGE` */
  item(offset: number): void {
    if (++this.#items > MAX_ITEMS) {
      throw tooLarge(`more than ${MAX_ITEMS} definitions, names and arguments`, offset);
    }
  }

  /** Runs `read` one level deeper: in a nested component, or in a type inside a type. */
  nested<T>(offset: number, read: () => T): T {
    if (++this.#depth > MAX_DEPTH) throw tooLarge(`nested deeper than ${MAX_DEPTH} levels`, offset);
    try {
      return read();
    } finally {
      this.#depth--;
    }
  }

  name(bytes: number, offset: number): void {
    if (bytes > MAX_NAME_BYTES) throw tooLarge(`a name longer than ${MAX_NAME_BYTES} bytes`, offset);
  }
}

function tooLarge(what: string, offset: number): WasmError {
  return new WasmError('WASM_TOO_LARGE', `the component has ${what} at offset ${offset}; make it smaller`, {
    details: { offset },
  });
}
