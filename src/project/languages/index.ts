import { C } from './c.ts';
import type { MakeFiles, Template } from './files.ts';
import { PYTHON } from './python.ts';
import { RUST } from './rust.ts';

export type { LanguageFiles, Template } from './files.ts';
export { libraryWorld, packageName } from './worlds.ts';

/** The languages of a new project. Those other than TypeScript are compiled by their own toolchains. */
export type Language = 'typescript' | 'rust' | 'python' | 'c';

/** What a project in another language can make: each of them, in each language. */
export const FOREIGN: Readonly<Record<Exclude<Language, 'typescript'>, Readonly<Record<Template, MakeFiles>>>> = {
  rust: RUST,
  python: PYTHON,
  c: C,
};
