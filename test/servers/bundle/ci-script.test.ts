import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { readDatabase, writeDatabase } from '../../../tools/bundle/source-database.ts';
import { type DockerRegistry, startDockerRegistry } from '../../../tools/servers/docker-registry.ts';
import { describeWithPrograms } from '../../support/real-server.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const content = new Uint8Array(Buffer.from('package main'));
const database = { sources: [{ id: 'main.go', path: 'main.go', language: 'go', content }] };

/** A machine of a CI: the script of the document, `viv` in the path, and a build that leaves a note that it ran. */
function machine(folder: ReturnType<typeof temporaryFolder>, name: string) {
  const at = (...parts: string[]) => folder.at(name, ...parts);
  mkdirSync(at('bin'), { recursive: true });
  const document = readFileSync(join(root, 'docs/ci.md'), 'utf8');
  const script = /<!-- script -->\n```sh\n([\s\S]*?)```/.exec(document)?.[1] as string;
  writeFileSync(at('cache.sh'), script);
  const program = (path: string, text: string) => writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  program(at('bin', 'viv'), `exec '${process.execPath}' '${join(root, 'bin/viv.js')}' "$@"`);
  program(at('build-database'), `echo built >>built\ncp '${folder.at('built.db')}' "$1"`);
  return {
    restored: () => readDatabase(at('mache.db')),
    built: () => readdirSync(at()).includes('built'),
    // Not synchronous: the registry's token server is in this process.
    run: (registry: string, token: string): Promise<{ status: unknown; said: string }> =>
      new Promise((resolve) => {
        const env = {
          PATH: `${at('bin')}:${process.env.PATH}`,
          HOME: at(),
          CACHE_REGISTRY: registry,
          CACHE_SCOPE: 'app/0123abc',
          VIVARIUM_CACHE_TOKEN: token,
        };
        execFile('sh', ['cache.sh'], { cwd: at(), encoding: 'utf8', env }, (error, stdout, stderr) => {
          resolve({ status: error === null ? 0 : error.code, said: stdout + stderr });
        });
      }),
  };
}

function damageChunk(registry: DockerRegistry): void {
  const blobs = readdirSync(registry.folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('/data'),
  );
  const chunk = blobs
    .map((path) => join(registry.folder, path))
    .find((path) => content.length === readFileSync(path).length);
  writeFileSync(chunk as string, 'PACKAGE MAIN');
}

describeWithPrograms(['docker-registry', 'openssl'], 'the script for any CI, as the document has it', () => {
  it('builds and fills the cache where it is empty, and restores from it afterwards', async () => {
    await using registry = await startDockerRegistry({ tokenPassword: 'secret' });
    using folder = temporaryFolder();
    writeDatabase(folder.at('built.db'), database);

    const first = machine(folder, 'first');
    expect(await first.run(registry.url, 'secret')).toMatchObject({ status: 0 });
    expect(first.built()).toBe(true);

    const second = machine(folder, 'second');
    expect(await second.run(registry.url, 'secret')).toMatchObject({ status: 0 });
    expect(second.built()).toBe(false);
    expect(second.restored()).toEqual(readDatabase(folder.at('built.db')));
  });

  it('builds without the cache where it is refused or cannot be reached, and says no token', async () => {
    await using registry = await startDockerRegistry({ tokenPassword: 'secret' });
    using folder = temporaryFolder();
    writeDatabase(folder.at('built.db'), database);
    for (const [name, url] of [
      ['refused', registry.url],
      ['unreachable', 'http://127.0.0.1:9'],
    ] as const) {
      const here = machine(folder, name);
      const { status, said } = await here.run(url, 'wrong-token');
      expect({ status, built: here.built() }).toEqual({ status: 0, built: true });
      expect(said).not.toContain('wrong-token');
    }
  });

  it('stops where the cached bundle was changed', async () => {
    await using registry = await startDockerRegistry({ tokenPassword: 'secret' });
    using folder = temporaryFolder();
    writeDatabase(folder.at('built.db'), database);
    expect(await machine(folder, 'first').run(registry.url, 'secret')).toMatchObject({ status: 0 });
    damageChunk(registry);
    const second = machine(folder, 'second');
    const { status, said } = await second.run(registry.url, 'secret');
    expect({ status, built: second.built() }).toEqual({ status: 4, built: false });
    expect(said).toContain('somebody should look');
  });
});
