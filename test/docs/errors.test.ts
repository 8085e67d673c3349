import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { describe, expect, it } from 'vitest';

const page = readFileSync('docs/errors.md', 'utf8');
const documented = [...page.matchAll(/^\| `([A-Z0-9_]+)` \|/gm)].map(([, code]) => code as string);

describe('docs/errors.md', async () => {
  for await (const file of glob('src/*/errors.ts')) {
    const folder = basename(dirname(file));
    const codes = [...readFileSync(file, 'utf8').matchAll(/'([A-Z0-9]+_[A-Z0-9_]+)'/g)].map(
      ([, code]) => code as string,
    );

    it(`describes exactly the codes of src/${folder}`, () => {
      const prefixes = new Set(codes.map((code) => code.split('_')[0]));
      const mine = documented.filter((code) => prefixes.has(code.split('_')[0]));
      expect(mine.toSorted()).toEqual([...new Set(codes)].toSorted());
    });
  }

  it('names each code once', () => {
    expect(documented.length).toBe(new Set(documented).size);
  });
});
