import type { ExportedFunction } from '#runtime/exports';
import { RuntimeError } from '../errors.ts';
import type { ComponentCode, ComponentExports } from './component-code.ts';
import type { Callable } from './glue-function.ts';

/** An export of a component, with checked arguments. */
export class FoundExport {
  readonly args: readonly unknown[];
  readonly #code: ComponentCode;
  readonly #exported: ExportedFunction;

  constructor(code: ComponentCode, exported: ExportedFunction, args: readonly unknown[]) {
    this.#code = code;
    this.#exported = exported;
    this.args = args;
  }

  /** The function in one instance. @throws {RuntimeError} `RUNTIME_NO_EXPORT` */
  in(exports: ComponentExports): Callable {
    const found = this.#code.functionOf(exports, this.#exported);
    if (found !== undefined) return found;
    throw new RuntimeError(
      'RUNTIME_NO_EXPORT',
      `${this.#exported.name} cannot be called ${this.#code.calls === 'glue' ? "through jco's glue" : 'directly'}`,
    );
  }
}

/**
 * Finds an export by its name and checks the arguments. The name is the WIT name, `add-one` or `ns:pkg/iface@v#add-one`, or one of
 * the shorter forms that `ExportIndex` accepts.
 * @throws {RuntimeError} `RUNTIME_NO_EXPORT`, naming the exports that exist; `RUNTIME_INVALID_ARGUMENT`
 */
export function findExport(code: ComponentCode, name: string, args: readonly unknown[]): FoundExport {
  const index = code.exportIndex();
  const exported = index.find(name);
  return new FoundExport(code, exported, index.checked(exported, args));
}
