// How compilers of several versions and attw see the types of the packed package. `npm test` runs the quick ones: test/package.
import { readFileSync } from 'node:fs';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compile, InstalledProject } from '../../package/installed.ts';

let project: InstalledProject;
beforeAll(() => {
  project = new InstalledProject();
});
afterAll(() => project.remove());

describe('types of the package', () => {
  it('attw finds nothing but that the package has ECMAScript modules only', async () => {
    const analysis = await checkPackage(createPackageFromTarballData(readFileSync(project.tarball)));
    const problems = 'problems' in analysis ? analysis.problems : ['the package has no types'];
    // Of Node 10 and older, which know no `exports`, and of `require` in a TypeScript that does not know that it loads modules.
    const known = /^(?:CJSResolvesToESM)$/;
    const found = problems.filter((problem) => {
      if (typeof problem === 'string') return true;
      return !('resolutionKind' in problem && problem.resolutionKind === 'node10') && !known.test(problem.kind);
    });
    expect(found).toEqual([]);
  }, 600_000);

  it.each(['typescript-5.4', 'typescript'])('%s compiles what uses them, library files checked too', (compiler) => {
    project.link({ 'types-node-24': `${compiler}/@types/node` });
    const types = compiler === 'typescript-5.4' ? ['--typeRoots', `${compiler}/@types`] : [];
    for (const options of [
      ['--module', 'nodenext'],
      ['--module', 'esnext', '--moduleResolution', 'bundler'],
    ]) {
      expect(compile(project, compiler, [...types, ...options])).toBe('');
    }
  });
});
