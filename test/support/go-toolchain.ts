import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync } from 'node:fs';
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

/** Builds the program of a module at a version into `folder`. */
export function goInstall(folder: string, module: string, go: string): void {
  const minor = Number(/go1\.(\d+)/.exec(run(go, ['version']))?.[1]);
  const able = minor >= FETCHES_ITS_OWN ? go : fetchToolchain(go);
  run(able, ['install', module], { GOBIN: folder, GOTOOLCHAIN: 'auto' });
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

function run(go: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const { GOROOT: _, ...inherited } = process.env;
  return execFileSync(go, args, { env: { ...inherited, ...env }, stdio: 'pipe', encoding: 'utf8' });
}
