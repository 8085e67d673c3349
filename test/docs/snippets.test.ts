// Every TypeScript snippet of the documents type-checks against the package's own declarations.
import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { join } from 'node:path';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

interface Snippet {
  readonly title: string;
  readonly file: string;
  readonly source: string;
}

/** A comment `<!-- given … -->` above a snippet, which readers of the page do not see, declares what the snippet uses. */
const SNIPPET = /(?:<!-- given\n(.*?)-->\n)?^```ts\n(.*?)^```$/gms;

function snippetsOf(page: string): Snippet[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  return [...text.matchAll(SNIPPET)].map(({ 1: given = '', 2: source = '', index }) => {
    const line = text.slice(0, index).split('\n').length;
    const file = join(ROOT, `${page.replaceAll('/', '-')}-${line}.ts`);
    return { title: `${page}, line ${line}`, file, source: `${given}${source}export {};\n` };
  });
}

const pages = (await Array.fromAsync(glob(['README.md', 'docs/*.md'], { cwd: ROOT }))).toSorted();
const snippets = pages.flatMap(snippetsOf);

function complaintsOf(checked: readonly Snippet[]): Map<string, string[]> {
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ESNext,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ['node'],
  };
  const host = ts.createCompilerHost(options);
  const sources = new Map(checked.map(({ file, source }) => [file, source]));
  const { fileExists, readFile } = host;
  host.fileExists = (file) => sources.has(file) || fileExists(file);
  host.readFile = (file) => sources.get(file) ?? readFile(file);
  const program = ts.createProgram([...sources.keys()], options, host);
  return new Map(
    checked.map(({ file }) => {
      const source = program.getSourceFile(file);
      const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
      return [file, found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))];
    }),
  );
}

describe('the snippets of the documents', () => {
  let complaints: Map<string, string[]>;
  beforeAll(() => {
    const broken = {
      title: 'planted',
      file: join(ROOT, 'planted.ts'),
      source: "import 'vivarium';\n'text'.nothing();\n",
    };
    complaints = complaintsOf([...snippets, broken]);
  });

  it('are all found, and a wrong one is seen', () => {
    const fences = pages.map((page) => readFileSync(join(ROOT, page), 'utf8').match(/^```ts$/gm)?.length ?? 0);
    expect(snippets).toHaveLength(fences.reduce((sum, count) => sum + count, 0));
    expect(complaints.get(join(ROOT, 'planted.ts'))).toEqual(["Property 'nothing' does not exist on type '\"text\"'."]);
  });

  it.each(snippets)('$title', ({ file }) => {
    expect(complaints.get(file)).toEqual([]);
  });
});
