// What `npm install vivarium` gives: the packed files alone, in a folder of their own.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InstalledProject, manifest, SUBPATHS } from '../../package/installed.ts';
import { megabytesWith } from '../../package/weight.ts';

const ROOT = join(import.meta.dirname, '../../..');

let project: InstalledProject;
beforeAll(() => {
  project = new InstalledProject();
});
afterAll(() => project.remove());

describe('the package', () => {
  it('gives its program, which says its version', () => {
    expect(project.node('node_modules/vivarium/bin/viv.js', '--version').trim()).toBe(manifest.version);
  });

  it('has no script that npm would run, or warn of, when it is installed', () => {
    const script = /^(?:(?:pre|post)?(?:install|prepare)|prepublish)$/;
    expect(Object.keys(manifest.scripts).filter((name) => script.test(name))).toEqual([]);
  });

  it('weighs what the documents say, to 2 MB', () => {
    const needed = Object.keys(manifest.dependencies);
    const own = join(project.folder, 'node_modules/vivarium');
    const all = megabytesWith([...needed, ...Object.keys(manifest.optionalDependencies)], own);
    const few = megabytesWith(needed, own);
    const packed = statSync(project.tarball).size / 1e6;
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
    const [, ...sizes] = /has (\d+) MB .{0,80} takes (\d+) MB .{0,120}? and (\d+) MB/s.exec(readme) ?? [];
    const off = [packed, all, few].map((size, index) => Math.abs(size - Number(sizes[index])));
    expect(Math.max(...off), `README.md says ${sizes}; measured ${packed}, ${all}, ${few}`).toBeLessThanOrEqual(2);
    const table = readFileSync(join(ROOT, 'docs/installing.md'), 'utf8').matchAll(/^\|.*\| (\d+) MB \|/gm);
    expect([...table].map(([, size]) => size)).toEqual(sizes.slice(1));
  });

  it('says nothing when its reader leaves early', async () => {
    const child = spawn(process.execPath, ['node_modules/vivarium/bin/viv.js', '--help'], { cwd: project.folder });
    child.stdout.destroy();
    const [errors, [code]] = await Promise.all([child.stderr.toArray(), once(child, 'exit')]);
    expect({ errors: String(errors), code }).toEqual({ errors: '', code: 0 });
  });

  // What a guest imports runs in the sandbox alone.
  it.each(SUBPATHS.filter((path) => path !== './guest'))('lets %s be imported and required', (path) => {
    const door = `'vivarium${path.slice(1)}'`;
    const script = `console.log(Object.keys(await import(${door})).length, Object.keys(require(${door})).length)`;
    const [imported, required] = project.node('-e', `(async () => { ${script} })()`).split(' ').map(Number);
    expect(imported).toBeGreaterThan(0);
    expect(required).toBe(imported);
  });

  it('runs the README’s example, with no optional package', () => {
    project.write('main.ts', readFileSync(join(ROOT, 'examples/embedding/main.ts'), 'utf8'));
    execFileSync(process.execPath, [
      join(ROOT, 'bin/viv.js'),
      'build',
      join(ROOT, 'examples/hello/actor.ts'),
      '-o',
      join(project.folder, 'hello.wasm'),
    ]);
    expect(project.node('main.ts')).toMatch(/Ada.*\nmetered\n/);
  });

  it.each(['esbuild', 'componentize-qjs'])('says what to install when a build wants %s', (name) => {
    if (name === 'componentize-qjs') project.link({ esbuild: 'node_modules/esbuild' });
    project.write('actor.js', 'export const lifecycle = {};');
    const viv = 'node_modules/vivarium/bin/viv.js';
    expect(() => project.node(viv, 'build', 'actor.js')).toThrow(
      new RegExp(`PROJECT_BUILD_FAILED: [^\n]*${name}[^\n]* cannot be loaded [^\n]*without --omit=optional\n`),
    );
  });
});
