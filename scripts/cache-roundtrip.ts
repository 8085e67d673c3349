// npm run cache:roundtrip: packs a source database, verifies it, restores it and compares, as a user does it from the shell:
// through a folder, and through a real registry where docker-registry is installed (in CI it must be, except on macOS).
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { readDatabase, writeDatabase } from '../tools/bundle/source-database.ts';
import { hasProgram, startDockerRegistry } from '../tools/servers/docker-registry.ts';

const folder = mkdtempSync(join(tmpdir(), 'vivarium-roundtrip-'));
const database = join(folder, 'mache.db');
const viv = (...args: string[]): void => {
  execFileSync(process.execPath, ['bin/viv.js', 'cache', ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
};

try {
  const files = readdirSync('src', { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const sources = files.map((entry) => {
    const path = join(entry.parentPath, entry.name);
    return { id: path, path, language: 'typescript', content: new Uint8Array(readFileSync(path)) };
  });
  writeDatabase(database, { sources });

  viv('push', '--db', database, join(folder, 'out'));
  viv('inspect', join(folder, 'out'));
  viv('pull', '--out-db', join(folder, 'from-folder.db'), join(folder, 'out'));
  compare('a folder', join(folder, 'from-folder.db'));

  if (hasProgram('docker-registry')) {
    await using registry = await startDockerRegistry();
    const remote = ['--remote', registry.url, '--scope', 'roundtrip/1'];
    viv('push', '--db', database, join(folder, 'sent'), ...remote);
    viv('verify', ...remote, '--full');
    viv('pull', '--out-db', join(folder, 'from-registry.db'), join(folder, 'got'), ...remote);
    compare('a registry', join(folder, 'from-registry.db'));
  } else if (process.env.CI !== undefined && process.platform === 'linux') {
    throw new Error('docker-registry is not installed; install the Debian package of that name');
  } else console.warn('SKIPPED: the round trip through a registry; docker-registry is not installed');
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function compare(by: string, restored: string): void {
  if (!isDeepStrictEqual(readDatabase(restored), readDatabase(database)))
    throw new Error(`${by} gave another database`);
  console.log(`the same database came back by ${by}`);
}
