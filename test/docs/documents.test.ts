import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const records = readdirSync('docs/adr')
  .filter((file) => /^\d{4}-/.test(file))
  .toSorted();

describe('documents', async () => {
  it('list every decision once, in order, by its title', () => {
    const listed = readFileSync('docs/adr/README.md', 'utf8').match(/^- .*$/gm);
    const titles = records.map((file) => readFileSync(join('docs/adr', file), 'utf8').split('\n', 1)[0]?.slice(2));
    expect(listed).toEqual(records.map((file, index) => `- [${titles[index]}](${file})`));
  });

  it.each(records)('%s says context, decision and consequences', (file) => {
    const text = readFileSync(join('docs/adr', file), 'utf8');
    for (const heading of ['## Context', '## Decision', '## Consequences']) expect(text).toContain(heading);
  });

  it.each(['ARCHITECTURE.md', 'CONTRIBUTING.md'])('%s names source files that are there', (file) => {
    const named = readFileSync(file, 'utf8').match(/(?<![\w./-])[\w-][\w.-]*\/[\w./-]+\.(?:ts|js)(?!\w)/g) ?? [];
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !existsSync(name) && !existsSync(join('src', name)))).toEqual([]);
  });

  it('CONTRIBUTING.md names folders that are there', () => {
    const named =
      readFileSync('CONTRIBUTING.md', 'utf8').match(/`(?:src|test|tools|docs|bench|scripts)\/[\w/-]+`/g) ?? [];
    expect(named.length).toBeGreaterThan(5);
    expect(named.map((name) => name.slice(1, -1)).filter((name) => !existsSync(name))).toEqual([]);
  });

  it('CONTRIBUTING.md names files of recipes beside the first one by their names alone', () => {
    const rows = readFileSync('CONTRIBUTING.md', 'utf8').match(/^\| an? .*\|$/gm) ?? [];
    expect(rows.length).toBeGreaterThan(8);
    for (const row of rows) {
      const folders = [...row.matchAll(/`((?:src|test)\/[\w/.-]+)`/g)].map(([, path = '']) =>
        path.endsWith('.ts') ? dirname(path) : path,
      );
      for (const [, name = ''] of row.matchAll(/`([\w-]+\.ts)`/g)) {
        // The row of error codes means a file of each folder.
        if (folders.length === 0) continue;
        expect(
          folders.some((folder) => existsSync(join(folder, name))),
          `${name} of: ${row}`,
        ).toBe(true);
      }
    }
  });

  it('show the embedding example as it runs', () => {
    const [, shown] =
      /<!-- examples\/embedding\/main.ts -->\n```ts\n([\s\S]*?)```/.exec(readFileSync('README.md', 'utf8')) ?? [];
    expect(shown).toBe(readFileSync('examples/embedding/main.ts', 'utf8'));
  });

  for await (const file of glob(['*.md', 'docs/**/*.md'])) {
    it(`${file} links to files that are there`, () => {
      const links = [...readFileSync(file, 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(
        ([, link]) => link as string,
      );
      for (const link of links) expect(existsSync(join(dirname(file), link)), link).toBe(true);
    });
  }
});
