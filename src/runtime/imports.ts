import { RuntimeError } from './errors.ts';
import type { HostInterface, HostLinker } from './host-linker.ts';

/**
 * Everything that a component imports: WASI's and our interfaces from the linker, others from what the embedder gave.
 * @throws {RuntimeError} `RUNTIME_MISSING_IMPORT`, naming every import that is not met
 */
export function resolveImports(
  wanted: readonly string[],
  linker: HostLinker,
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const resolved: Record<string, unknown> = Object.create(null);
  const missing: string[] = [];
  for (const name of wanted) {
    const found = givenInterface(given, name, linker) ?? linker.find(name);
    if (found === undefined) missing.push(name);
    else resolved[name] = found;
  }
  if (missing.length > 0) {
    throw new RuntimeError(
      'RUNTIME_MISSING_IMPORT',
      `the component imports ${missing.join(', ')}, which is neither WASI 0.2 nor vivarium:actor@0.1; give it in load options: { imports: { '${missing[0]}': { … } } }`,
      { details: { imports: missing.join(', ') } },
    );
  }
  return resolved;
}

/** The embedder may name an interface with or without its version; a bare function stands for itself. */
function givenInterface(
  given: Readonly<Record<string, unknown>>,
  name: string,
  linker: HostLinker,
): HostInterface | undefined {
  const base = name.split('@', 1)[0] as string;
  const key = Object.keys(given).find((candidate) => candidate === name || candidate.split('@', 1)[0] === base);
  const value = key === undefined ? undefined : given[key];
  if (typeof value === 'function') return linker.guard(name, { default: value });
  return typeof value === 'object' && value !== null ? linker.guard(name, value as HostInterface) : undefined;
}
