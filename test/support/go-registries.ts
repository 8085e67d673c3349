import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { answering } from '../../tools/servers/answering.ts';
import { freePort } from '../../tools/servers/free-port.ts';
import { findGo, goBuild, goInstall } from './go-toolchain.ts';

/** The registry with the storage that tests use. Its own program brings those of three clouds, which are half of what is compiled. */
const DISTRIBUTION = `package main

import (
	"os"

	"github.com/distribution/distribution/v3/registry"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
)

func main() {
	if registry.RootCmd.Execute() != nil {
		os.Exit(1)
	}
}
`;

/**
 * Registries that are built from their sources, once, and kept. zot is not among them: the proxy of Go modules has no version of it,
 * under none of its module paths.
 */
const REGISTRIES = {
  'distribution 3.1': {
    build: (binary: string, go: string) =>
      goBuild(binary, 'github.com/distribution/distribution/v3@v3.1.2', DISTRIBUTION, go),
    start: (binary: string, work: string, port: number) => {
      const config = join(work, 'config.yml');
      writeFileSync(
        config,
        `version: 0.1
log: { level: error }
storage: { filesystem: { rootdirectory: ${join(work, 'storage')} }, delete: { enabled: true } }
http: { addr: '127.0.0.1:${port}' }
`,
      );
      return spawn(binary, ['serve', config], {
        stdio: 'ignore',
        env: { ...process.env, OTEL_TRACES_EXPORTER: 'none' },
      });
    },
  },
  'go-containerregistry': {
    build: (binary: string, go: string) =>
      goInstall(join(binary, '..'), 'github.com/google/go-containerregistry/cmd/registry@v0.20.6', go),
    start: (binary: string, _work: string, port: number) => spawn(binary, ['-port', String(port)], { stdio: 'ignore' }),
  },
} as const;

export type GoRegistry = keyof typeof REGISTRIES;

export const GO_REGISTRIES = Object.keys(REGISTRIES) as readonly GoRegistry[];

function binaryOf(name: GoRegistry): string {
  const tools = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'vivarium', 'tools');
  return join(tools, name.replace(' ', '-'), 'registry');
}

/** Whether it is there, or can be built by a Go that is. */
export function canHave(name: GoRegistry): boolean {
  return existsSync(binaryOf(name)) || findGo() !== undefined;
}

/** Builds it if it is not there: minutes, the first time. */
export function build(name: GoRegistry): void {
  const binary = binaryOf(name);
  if (existsSync(binary)) return;
  const go = findGo();
  if (go === undefined) throw new Error(`no ${name}, and no Go to build it with`);
  mkdirSync(join(binary, '..'), { recursive: true });
  REGISTRIES[name].build(binary, go);
}

/** Starts it on a free loopback port, with a storage of its own. */
export async function startGoRegistry(name: GoRegistry): Promise<AsyncDisposable & { readonly url: string }> {
  const work = mkdtempSync(join(tmpdir(), 'vivarium-registry-'));
  const port = await freePort();
  const child = REGISTRIES[name].start(binaryOf(name), work, port);
  const url = `http://127.0.0.1:${port}`;
  await answering(`${url}/v2/`, child, (status) => status === 200);
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      rmSync(work, { recursive: true, force: true });
    },
  };
}
