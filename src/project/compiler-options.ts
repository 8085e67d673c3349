/** What both `viv build` and the editor of a new project check a guest's source by. */
export const GUEST_COMPILER_OPTIONS = {
  target: 'es2024',
  lib: ['es2024', 'esnext.iterator', 'esnext.array', 'esnext.disposable'],
  module: 'esnext',
  moduleResolution: 'bundler',
  allowImportingTsExtensions: true,
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  types: [],
} as const;
