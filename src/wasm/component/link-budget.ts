import { WasmError } from '../errors.ts';

/** The most work of linking as a whole: components that instantiate components may double the work at each level. */
const MAX_WORK = 400_000;
const MAX_DEPTH = 64;

/** The budget for linking a component. */
export class LinkBudget {
  #work = 0;
  #depth = 0;

  /** @throws {WasmError} `WASM_TOO_LARGE` */
  step(work = 1): void {
    this.#work += work;
    if (this.#work > MAX_WORK) throw tooMuch(`more than ${MAX_WORK} definitions when its components are instantiated`);
  }

  /**
   * Runs `work` one level deeper.
   * @param what names the deep thing in the message
   * @throws {WasmError} `WASM_TOO_LARGE`
   */
  deeper<T>(what: string, work: () => T): T {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw tooMuch(`${what} ${MAX_DEPTH} levels deep`);
    const result = work();
    this.#depth -= 1;
    return result;
  }
}

function tooMuch(what: string): WasmError {
  return new WasmError('WASM_TOO_LARGE', `the component has ${what}; make it smaller`);
}
