import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';

const page = readFileSync('docs/errors.md', 'utf8');
const rows = [...page.matchAll(/^\| `([A-Z0-9_]+)` \| ([a-z-]+) \|/gm)].map(
  ([, code, kind]) => [code, kind] as [string, string],
);
const documented = rows.map(([code]) => code);

describe('docs/errors.md', async () => {
  for await (const file of glob(['src/*/errors.ts', 'src/core/errors/errors.ts'])) {
    const folder = dirname(file).split('/').slice(1).join('/');
    const codes = [...readFileSync(file, 'utf8').matchAll(/^ {2}([A-Z0-9]+_[A-Z0-9_]+): '([a-z-]+)',$/gm)].map(
      ([, code, kind]) => [code, kind] as [string, string],
    );

    it(`describes exactly the codes of src/${folder}, with their kinds`, () => {
      const prefixes = new Set(codes.map(([code]) => code.split('_')[0]));
      const mine = rows.filter(([code]) => prefixes.has(code.split('_')[0]));
      expect(mine.toSorted()).toEqual(codes.toSorted());
    });
  }

  it('names each code once', () => {
    expect(documented.length).toBe(new Set(documented).size);
  });
});
