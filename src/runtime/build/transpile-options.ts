/** Everything about jco that changes what it writes; part of the engine profile. */
export const TRANSPILE_OPTIONS = {
  name: 'component',
  instantiation: { tag: 'async' },
  noTypescript: true,
  noNodejsCompat: true,
  /** The error case of a `result` is thrown as the plain value that it is. */
  noComponentErrorWrapping: true,
} as const;

/** jco names a component's core modules in the order of the file; what it adds for calls between components comes after. */
export function coreModuleName(index: number): string {
  return `${TRANSPILE_OPTIONS.name}.core${index === 0 ? '' : index + 1}.wasm`;
}
