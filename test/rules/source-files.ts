import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** A file of `src`, parsed. */
export interface SourceFile {
  /** With forward slashes, beginning with the folder. */
  readonly path: string;
  readonly tree: ts.SourceFile;
}

const parsed = new Map<string, readonly SourceFile[]>();

/** Every TypeScript file of a folder, of `src` by default. */
export function sourceFiles(folder = 'src'): readonly SourceFile[] {
  const files = parsed.get(folder) ?? parsedIn(folder);
  parsed.set(folder, files);
  return files;
}

function parsedIn(folder: string): readonly SourceFile[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name).replaceAll('\\', '/'))
    .toSorted()
    .map((path) => ({ path, tree: parse(path, readFileSync(path, 'utf8')) }));
}

export function parse(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
}

/** Shows every node below `root` to `each`. */
export function walk(root: ts.Node, each: (node: ts.Node) => void): void {
  each(root);
  ts.forEachChild(root, (child) => walk(child, each));
}

/** `path:line`, for messages. */
export function placeOf(node: ts.Node): string {
  const file = node.getSourceFile();
  return `${file.fileName}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
}
