/** All options that change what jco generates. They are part of the engine profile. */
export const TRANSPILE_OPTIONS = {
  name: 'component',
  instantiation: { tag: 'async' },
  noTypescript: true,
  noNodejsCompat: true,
  /** Makes the glue throw the error case of a `result` as a plain value. */
  noComponentErrorWrapping: true,
} as const;

/** The name that jco gives a core module. It numbers a component's modules in file order, and its own additional modules after them. */
export function coreModuleName(index: number): string {
  return `${TRANSPILE_OPTIONS.name}.core${index === 0 ? '' : index + 1}.wasm`;
}
