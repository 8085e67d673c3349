import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

export const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly version: string;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
};

export const SUBPATHS = Object.keys(manifest.exports).filter((path) => path !== './package.json');

/** A project in which the packed package is installed, with its dependencies and Node's types, and without optional packages. */
export class InstalledProject {
  readonly folder = mkdtempSync(join(tmpdir(), 'vivarium-package-'));

  readonly tarball = packed();

  constructor() {
    mkdirSync(this.#path('node_modules/vivarium'), { recursive: true });
    run('tar', ['-xzf', this.tarball, '--strip-components=1', '-C', this.#path('node_modules/vivarium')]);
    const names = [...Object.keys(manifest.dependencies), '@types/node'];
    this.link(Object.fromEntries(names.map((name) => [name, `node_modules/${name}`])));
    this.write('package.json', '{"type":"module","private":true}');
  }

  /** Gives the project packages of this repository, each at a path of its own. */
  link(packages: Readonly<Record<string, string>>): void {
    for (const [name, path] of Object.entries(packages)) {
      mkdirSync(dirname(this.#path(path)), { recursive: true });
      symlinkSync(join(ROOT, 'node_modules', name), this.#path(path));
    }
  }

  write(file: string, text: string): void {
    writeFileSync(this.#path(file), text);
  }

  /** Runs Node in the project. An error has all that the program printed. */
  node(...args: readonly string[]): string {
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: this.folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`);
    return stdout;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #path(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
  }
}

/** The packed package, which whoever needs it first makes for the whole run. */
function packed(): string {
  const kept = join(process.env.VIVARIUM_TEST_FOLDER as string, 'vivarium.tgz');
  if (existsSync(kept)) return kept;
  const folder = mkdtempSync(join(tmpdir(), 'vivarium-pack-'));
  run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder]);
  const made = readdirSync(folder).find((name) => name.endsWith('.tgz')) as string;
  copyFileSync(join(folder, made), `${kept}.${process.pid}`);
  renameSync(`${kept}.${process.pid}`, kept);
  rmSync(folder, { recursive: true });
  return kept;
}

/** Compiles a file that imports every door, strictly and with library files checked. Returns what the compiler prints. */
export function compile(project: InstalledProject, compiler: string, options: readonly string[]): string {
  const imports = SUBPATHS.map((path, index) => `import * as door${index} from 'vivarium${path.slice(1)}';`);
  project.write('consumer.ts', [...imports, ...SUBPATHS.map((_, index) => `void door${index};`)].join('\n'));
  const program = join(ROOT, 'node_modules', compiler, 'bin/tsc');
  const flags = ['--noEmit', '--strict', '--target', 'esnext', '--types', 'node', '--skipLibCheck', 'false'];
  return project.node(program, ...flags, ...options, 'consumer.ts');
}

function run(program: string, args: readonly string[]): void {
  execFileSync(program, args, { cwd: ROOT, stdio: 'pipe' });
}
