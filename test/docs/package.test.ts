// What `npm install vivarium` gives: the packed files alone, in a folder of their own.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string;
  exports: Record<string, unknown>;
  dependencies: Record<string, string>;
};
const SUBPATHS = Object.keys(manifest.exports).filter((path) => path !== './package.json');

let project: string;
beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'vivarium-package-'));
  const run = (program: string, args: readonly string[]) => execFileSync(program, args, { cwd: ROOT, stdio: 'pipe' });
  run('npm', ['pack', '--ignore-scripts', '--pack-destination', project]);
  const installed = join(project, 'node_modules', 'vivarium');
  mkdirSync(installed, { recursive: true });
  const tarball = readdirSync(project).find((name) => name.endsWith('.tgz')) as string;
  run('tar', ['-xzf', join(project, tarball), '--strip-components=1', '-C', installed]);
  // Declared dependencies only, and TypeScript and Node's types for the consumer's own sake.
  for (const name of [...Object.keys(manifest.dependencies), '@types/node']) {
    mkdirSync(dirname(join(project, 'node_modules', name)), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), join(project, 'node_modules', name));
  }
  writeFileSync(join(project, 'package.json'), '{"type":"module","private":true}');
}, 600_000);
afterAll(() => rmSync(project, { recursive: true, force: true }));

function node(...args: string[]): string {
  return execFileSync(process.execPath, args, { cwd: project, encoding: 'utf8' });
}

describe('the package', () => {
  it('gives its program, which says its version', () => {
    expect(node('node_modules/vivarium/bin/viv.js', '--version').trim()).toBe(manifest.version);
  });

  it('says nothing when its reader leaves early', async () => {
    const child = spawn(process.execPath, ['node_modules/vivarium/bin/viv.js', '--help'], { cwd: project });
    child.stdout.destroy();
    const [errors, [code]] = await Promise.all([child.stderr.toArray(), once(child, 'exit')]);
    expect({ errors: String(errors), code }).toEqual({ errors: '', code: 0 });
  });

  // What a guest imports runs in the sandbox alone.
  it.each(SUBPATHS.filter((path) => path !== './guest'))('lets %s be imported', (path) => {
    const names = node('-e', `console.log(Object.keys(await import('vivarium${path.slice(1)}')).length)`);
    expect(Number(names)).toBeGreaterThan(0);
  });

  it('runs the README’s example', () => {
    const source = readFileSync(join(ROOT, 'examples/embedding/main.ts'), 'utf8');
    writeFileSync(join(project, 'main.ts'), source);
    execFileSync(process.execPath, [
      join(ROOT, 'bin/viv.js'),
      'build',
      join(ROOT, 'examples/hello/actor.ts'),
      '-o',
      join(project, 'hello.wasm'),
    ]);
    expect(node('main.ts')).toMatch(/Ada.*\nmetered\n/);
  }, 600_000);

  it('has types that a strict consumer compiles with, library files checked too', () => {
    const imports = SUBPATHS.map((path, index) => `import * as door${index} from 'vivarium${path.slice(1)}';`);
    const uses = SUBPATHS.map((_, index) => `void door${index};`);
    writeFileSync(join(project, 'consumer.ts'), [...imports, ...uses].join('\n'));
    const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');
    const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'esnext', '--types', 'node'];
    expect(node(compiler, ...flags, 'consumer.ts')).toBe('');
  }, 600_000);
});
