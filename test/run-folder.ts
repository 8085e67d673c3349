// One folder for a run of the suite: its files share an artifact cache, so that a component which several of them load is built once,
// and its homes a secret, without which the entries of the cache are not trusted (`support/home-in.ts`), and the programs that build,
// which are joined before.
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { joinPrograms } from './support/joined-programs.ts';
import { JOINED_PROGRAMS } from './support/program-beside.ts';

export default async function setup(): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), 'vivarium-run-'));
  process.env.VIVARIUM_TEST_FOLDER = folder;
  mkdirSync(join(folder, 'home'), { mode: 0o700 });
  writeFileSync(join(folder, 'home/machine.secret'), randomBytes(32), { mode: 0o600 });
  await joinPrograms(JOINED_PROGRAMS, join(folder, 'programs'));
  return () => rmSync(folder, { recursive: true, force: true });
}
