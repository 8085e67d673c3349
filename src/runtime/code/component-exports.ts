import { RuntimeError } from '../errors.ts';
import type { ComponentCode, ComponentExports } from './component-code.ts';

/** Finds a function among an instance's exports and binds its arguments. */
export type ComponentExport = (exports: ComponentExports) => () => unknown;

/**
 * Finds an export by its name and checks the arguments. The name is the WIT name, `add-one` or `ns:pkg/iface@v#add-one`, or one of
 * the shorter forms that `ExportIndex` accepts.
 * @throws {RuntimeError} `RUNTIME_NO_EXPORT`, naming the exports that exist; `RUNTIME_INVALID_ARGUMENT`
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
