import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where Debian's Go is too old for what is built, the toolchain comes through the module proxy, its sum checked like any module's. */
const TOOLCHAIN = 'go1.26.0';
/** The first release that fetches a newer toolchain by itself. */
const FETCHES_ITS_OWN = 21;

/** Any Go on the path. */
export function findGo(): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/local/go/bin'];
  return folders.map((folder) => join(folder, 'go')).find((file) => existsSync(file));
}

/** What no test looks at takes time to make: symbols for debuggers, and the parts of Go's library that need a compiler of C. */
const FLAGS = ['-ldflags=-s -w'];
const ENVIRONMENT = { GOTOOLCHAIN: 'auto', CGO_ENABLED: '0' };

/** Builds the program of a module at a version into `folder`. */
export function goInstall(folder: string, module: string, go: string): void {
  run(ableOf(go), ['install', ...FLAGS, module], { ...ENVIRONMENT, GOBIN: folder });
}

/**
 * Builds a program of our own around a module, into the file `to`.
 * @param module the module and its version, as `example.org/module@v1.0.0`
 * @param source the program
 */
export function goBuild(to: string, module: string, source: string, go: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'vivarium-go-'));
  try {
    writeFileSync(join(folder, 'go.mod'), `module program\n\ngo 1.24\n\nrequire ${module.replace('@', ' ')}\n`);
    writeFileSync(join(folder, 'main.go'), source);
    // The module's own requirements are added to the program's, and their sums checked, as `go install` does.
    run(ableOf(go), ['build', '-mod=mod', ...FLAGS, '-o', to, '.'], ENVIRONMENT, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function ableOf(go: string): string {
  const minor = Number(/go1\.(\d+)/.exec(run(go, ['version']))?.[1]);
  return minor >= FETCHES_ITS_OWN ? go : fetchToolchain(go);
}

/** Any Go can download a module; a module's files come without the right to execute them. */
function fetchToolchain(go: string): string {
  const platform = `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`;
  const { Dir: root } = JSON.parse(
    run(go, ['mod', 'download', '-json', `golang.org/toolchain@v0.0.1-${TOOLCHAIN}.${platform}`]),
  ) as { Dir: string };
  const tools = join(root, 'pkg', 'tool', platform.replace('-', '_'));
  for (const folder of [join(root, 'bin'), tools])
    for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o755);
  return join(root, 'bin', 'go');
}

function run(go: string, args: readonly string[], env: Readonly<Record<string, string>> = {}, cwd = '.'): string {
  const { GOROOT: _, ...inherited } = process.env;
  return execFileSync(go, args, { cwd, env: { ...inherited, ...env }, stdio: 'pipe', encoding: 'utf8' });
}
