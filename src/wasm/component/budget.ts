import { WasmError } from '../errors.ts';
import { CoreNames } from './core-names.ts';

/**
 * How much of a component we are willing to read. Real ones stay far below: a 12 MB JavaScript engine has a nesting of
 * 3, some 3,000 items, names of at most 200 bytes. Every item costs at least one byte of input, so work stays linear.
 */
const MAX_DEPTH = 32;
const MAX_ITEMS = 200_000;
const MAX_NAME_BYTES = 4_096;

/** Counts down while one file is read. The input is attacker-controlled. */
export class ReadBudget {
  readonly coreNames = new CoreNames();
  #depth = 0;
  #items = 0;

  /** Takes one definition, field, case, argument or name. @throws {WasmError} `WASM_TOO_LARGE` */
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
