import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

/*
 * Artifacts in the cache of a run are good for homes with the secret of the run. A test that loads with another home builds its
 * components anew, so homes are made by `homeIn`.
 */

/** A new folder that becomes a home, as an option or in the environment. */
const NEW_HOME = /(?:\bVIVARIUM_HOME(?::| =)|\bhome:) (?:join\(|temporaryFolder\(|scratchFolder\(|folder\.at\()/g;

/** Files with homes of another secret, how many, and why they may. */
const MAY_BE_NEW: Readonly<Record<string, readonly [homes: number, why: string]>> = {
  'test/cli/authority.test.ts': [3, 'another machine, which trusts nothing yet'],
  'test/cli/portable-cache.test.ts': [4, 'machines whose secrets differ, each with a cache of its own'],
  'test/long/cli/serve-signals.test.ts': [1, 'a cache of its own, which is empty'],
  'test/server/management/api.test.ts': [1, 'a registry that loads nothing'],
  'test/setup.ts': [1, 'the home of the run'],
  'test/system/artifact-cache.test.ts': [1, 'a first start, which builds'],
  'test/system/given-digest.test.ts': [1, 'a cache of its own, which is empty'],
  'test/system/start.test.ts': [1, 'a first start, which builds'],
};

const homesIn = (text: string): number => text.match(NEW_HOME)?.length ?? 0;

describe('homes of tests', () => {
  it('have the secret of the run, but for known ones', () => {
    const found = globSync('test/**/*.ts')
      .map((path) => path.replaceAll('\\', '/'))
      .filter((path) => path !== 'test/rules/homes.test.ts')
      .toSorted()
      .map((path) => [path, homesIn(readFileSync(path, 'utf8'))] as const)
      .filter(([, homes]) => homes > 0);
    expect(found, 'make the home with homeIn, or give a reason in MAY_BE_NEW').toEqual(
      Object.entries(MAY_BE_NEW).map(([path, [homes]]) => [path, homes]),
    );
  });

  it.each([
    ['createRuntime({ home: scratchFolder() })', 1],
    ["env.VIVARIUM_HOME = join(folder, 'home');", 1],
    ["{ VIVARIUM_HOME: folder.at('home') }", 1],
    ['createRuntime({ home: homeIn(folder) })', 0],
    ['createRuntime({ home })', 0],
  ])('are found: %s', (text, homes) => {
    expect(homesIn(text)).toBe(homes);
  });
});
