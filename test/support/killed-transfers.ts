import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { programBeside } from '#processes';
import { loadLockfile } from '../../src/bundle/lockfile/lockfile-file.ts';
import { verifyFolder } from '../../src/bundle/verify-folder.ts';
import { readDatabase, writeDatabase } from '../../tools/bundle/source-database.ts';
import { bundleFixture, REPOSITORY } from './bundle-fixture.ts';
import { OciRegistry } from './oci-registry.ts';

const CHILD = programBeside(import.meta.url, './bundle-child').pathname;

function contents(round: number): Record<string, string> {
  // Half of the chunks are new in each round: a pull makes 17 requests then, the first one 32.
  const text = (index: number) => `${index} of round ${index % 2 === 0 ? round : 0}`;
  return Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`f${index}`, text(index)]));
}

function run(...args: string[]): ChildProcess {
  return spawn(process.execPath, [CHILD, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
}

function ended(child: ChildProcess): Promise<number | NodeJS.Signals | null> {
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
}

/** A child that fails by itself shows nothing of kills. */
async function killedOrCompleted(child: ChildProcess): Promise<'killed' | 'completed'> {
  const exit = await ended(child);
  if (exit === 0) return 'completed';
  if (exit === 'SIGKILL') return 'killed';
  throw new Error(`the child ended with ${exit}`);
}

/** Kills the child when the registry sees its n-th request, and a little later for what comes after the last one. */
function killAt(registry: OciRegistry, child: ChildProcess, request: number, delayMs: number): void {
  let seen = 0;
  registry.faults.length = 0;
  registry.faults.push(() => {
    if (++seen === request) setTimeout(() => child.kill('SIGKILL'), delayMs);
    return false;
  });
}

/** Kills pulls at `moments`; after each the target must be as before, or complete. */
export async function killPulls(
  moments: readonly { request: number; delayMs: number }[],
): Promise<{ killed: number; completed: number }> {
  await using registry = await OciRegistry.start();
  using fixture = bundleFixture(registry);
  const [folder, database] = [fixture.at('target'), fixture.at('target.db')];
  const count = { killed: 0, completed: 0 };
  for (const [round, { request, delayMs }] of moments.entries()) {
    registry.faults.length = 0;
    fixture.sources(contents(round));
    const { lockfile: wanted } = (await fixture.push()).packed;
    const before = existsSync(folder) ? (await loadLockfile(folder, 'mache')).lockfile.root : undefined;
    const rowsBefore = existsSync(database) ? readFileSync(database) : undefined;
    const child = run('pull', registry.url, database, folder);
    killAt(registry, child, request, delayMs);
    count[await killedOrCompleted(child)]++;
    const after = existsSync(folder) ? (await loadLockfile(folder, 'mache')).lockfile.root : undefined;
    if (after !== before && after !== wanted.root) throw new Error(`round ${round}: the target holds another bundle`);
    if (after !== undefined) await verifyFolder(folder, 'mache');
    const rows = existsSync(database) ? readFileSync(database) : undefined;
    const same = rows === undefined ? rowsBefore === undefined : rowsBefore?.equals(rows) === true;
    if (!same && readDatabase(database).sources.length !== 30) throw new Error(`round ${round}: half a database`);
    // What a killed pull left is no hindrance to the next.
    registry.faults.length = 0;
    if ((await ended(run('pull', registry.url, database, folder))) !== 0)
      throw new Error(`round ${round}: no pull after it`);
    if ((await verifyFolder(folder, 'mache')).root !== wanted.root) throw new Error(`round ${round}: not the bundle`);
  }
  return count;
}

/** Kills pushes at `moments`; a manifest that is there must have all its blobs, and the folder its chunks. */
export async function killPushes(
  moments: readonly { request: number; delayMs: number }[],
): Promise<{ killed: number; completed: number }> {
  await using registry = await OciRegistry.start();
  using fixture = bundleFixture(registry);
  const count = { killed: 0, completed: 0 };
  for (const [round, { request, delayMs }] of moments.entries()) {
    registry.faults.length = 0;
    fixture.sources(contents(round));
    const database = fixture.at(`${round + 1}.db`);
    const rows = Object.entries(contents(round)).map(([path, text]) => ({ path, content: Buffer.from(text) }));
    writeDatabase(database, { sources: rows.map((row) => ({ id: row.path, language: 'go', ...row })) });
    const child = run('push', registry.url, database, fixture.at('packed'));
    killAt(registry, child, request, delayMs);
    count[await killedOrCompleted(child)]++;
    for (const manifest of registry.manifests.values()) {
      const { config, layers } = JSON.parse(manifest.toString());
      for (const { digest } of [config, ...layers]) {
        if (!registry.blobs.has(`${REPOSITORY}@${digest}`))
          throw new Error(`round ${round}: a manifest without ${digest}`);
      }
    }
    if (existsSync(fixture.at('packed', 'mache.lock.bin'))) await verifyFolder(fixture.at('packed'), 'mache');
    registry.faults.length = 0;
    await fixture.push();
  }
  return count;
}
