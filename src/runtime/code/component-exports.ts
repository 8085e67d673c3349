import { RuntimeError } from '../errors.ts';
import type { ComponentCode, ComponentExports } from './component-code.ts';

/** Takes a function out of an instance's exports, with its arguments. */
export type ComponentExport = (exports: ComponentExports) => () => unknown;

/**
 * How to reach an export by name: its WIT name, `add-one` or `ns:pkg/iface@v#add-one`, or one of the shorter forms that
 * `ExportIndex` takes; and the arguments as they are given to it.
 * @throws {RuntimeError} `RUNTIME_NO_EXPORT`, naming what there is; `RUNTIME_INVALID_ARGUMENT`
 */
export function findExport(code: ComponentCode, name: string, args: readonly unknown[]): ComponentExport {
  const index = code.exportIndex();
  const exported = index.find(name);
  const checked = index.checked(exported, args);
  return (exports) => {
    const found = code.functionOf(exports, exported);
    if (found !== undefined) return () => found(...checked);
    throw new RuntimeError(
      'RUNTIME_NO_EXPORT',
      `${exported.name} cannot be called ${code.calls === 'glue' ? "through jco's glue" : 'directly'}`,
    );
  };
}
