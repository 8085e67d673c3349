import { dirname, join } from 'node:path';
import ts from 'typescript';

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts'],
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  allowImportingTsExtensions: true,
  strict: true,
  skipLibCheck: false,
  // The library of the language itself takes seconds to check.
  skipDefaultLibCheck: true,
  noEmit: true,
  types: [],
};
/** The files of the language's library, which each compiler of a test would read again. */
const libraries = new Map<string, ts.SourceFile | undefined>();

/**
 * What the TypeScript compiler says of files, each with its place: strict, and with declaration files checked too.
 * @param files their texts by names, beside files of this folder
 */
export function complaintsOf(files: Readonly<Record<string, string>>, options: ts.CompilerOptions = {}): string[] {
  const all = { ...OPTIONS, ...options };
  const host = ts.createCompilerHost(all);
  const texts = new Map(Object.entries(files).map(([name, text]) => [join(import.meta.dirname, name), text]));
  const { getSourceFile, fileExists, readFile } = host;
  const isLibrary = (name: string): boolean => dirname(name) === dirname(ts.getDefaultLibFilePath(all));
  host.fileExists = (name) => texts.has(name) || fileExists(name);
  host.readFile = (name) => texts.get(name) ?? readFile(name);
  host.getSourceFile = (name, ...given) => {
    const text = texts.get(name);
    if (text !== undefined) return ts.createSourceFile(name, text, given[0]);
    if (!isLibrary(name)) return getSourceFile(name, ...given);
    if (!libraries.has(name)) libraries.set(name, getSourceFile(name, ...given));
    return libraries.get(name);
  };
  const program = ts.createProgram([...texts.keys()], all, host);
  return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const at = file === undefined ? undefined : file.getLineAndCharacterOfPosition(start ?? 0);
    const place =
      file === undefined || at === undefined
        ? ''
        : `${file.fileName.slice(import.meta.dirname.length + 1)}:${at.line + 1}: `;
    return `${place}${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
}
