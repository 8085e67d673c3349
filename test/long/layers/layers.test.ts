import { readdirSync } from 'node:fs';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import { describe, expect, it } from 'vitest';
import config, { may, parts } from '../../../.dependency-cruiser.js';
import { forbiddenImports, OTHER_VIOLATIONS, plant, shown } from '../../layers/planted.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const folders = readdirSync('src', { withFileTypes: true }).filter((entry) => entry.isDirectory());

async function check(baseDir: string = process.cwd()): Promise<ICruiseResult> {
  const options = { ...config.options, baseDir, ruleSet: { forbidden: config.forbidden }, validate: true };
  const { output } = await cruise(
    ['src', 'tools', 'bench', 'scripts', 'test'],
    options as Parameters<typeof cruise>[1],
  );
  return output as ICruiseResult;
}

describe('layers', () => {
  it('have a rule for every folder of src, and a folder for every rule', () => {
    expect(Object.keys(may).toSorted()).toEqual(folders.map(({ name }) => name).toSorted());
  });

  it('have a rule for every part of a folder that has parts', () => {
    const owners = [...new Set(Object.keys(parts).map((part) => part.split('/')[0] as string))];
    const found = owners.flatMap((owner) =>
      readdirSync(`src/${owner}`, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => `${owner}/${name}`),
    );
    expect(Object.keys(parts).toSorted()).toEqual(found.toSorted());
  });

  it('are kept, and modules of every folder were read', async () => {
    const { summary, modules } = await check();
    expect(summary.violations).toEqual([]);
    for (const { name } of folders) {
      expect(
        modules.some(({ source }) => source.startsWith(`src/${name}/`)),
        name,
      ).toBe(true);
    }
    expect(summary.totalDependenciesCruised).toBeGreaterThan(modules.length);
  });

  it('report every planted violation, and no import that is allowed', async () => {
    using folder = temporaryFolder();
    plant(folder.path);
    const { violations } = (await check(folder.path)).summary;
    const found = new Set(violations.map(({ rule, from, to }) => shown(rule.name, from, to)));
    expect([...found].toSorted()).toEqual([...forbiddenImports(), ...OTHER_VIOLATIONS].toSorted());
    expect([...new Set(violations.map(({ rule }) => rule.name))].toSorted()).toEqual(
      config.forbidden.map(({ name }) => name).toSorted(),
    );
  });
});
