import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import * as promises from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LeaseLock } from '../../src/cache/lease.ts';
import { TestClock } from '../../src/testing/clock.ts';
import { runCount } from '../support/runs.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { temporaryFolder } from './support/cache.ts';
import { filesWith } from './support/faulty-files.ts';

const LEASE_MS = 10_000;

/** One for all locks: two that draw the same names could not tell each other apart. */
const random = new SeededRandom(1);

function lockIn(folder: string, clock: TestClock): LeaseLock {
  return new LeaseLock(folder, 'work', { files: promises, clock, random, leaseMs: LEASE_MS });
}

/** Lets what is waiting for the file system go on, and time pass by `stepMs`, until the promise has settled. */
async function passTime<T>(
  clock: TestClock,
  promise: Promise<T>,
  stepMs: number,
  until: number,
): Promise<T | 'waiting'> {
  let settled = false;
  promise.then(
    () => {
      settled = true;
    },
    () => {
      settled = true;
    },
  );
  const end = clock.monotonic() + until;
  while (!settled && clock.monotonic() < end) {
    for (let i = 0; i < 10 && !settled; i += 1) await promises.stat('/');
    clock.advance(stepMs);
  }
  return settled ? promise : 'waiting';
}

/** A process id that nobody has any more. */
function deadPid(): number {
  return spawnSync(process.execPath, ['-e', '']).pid;
}

describe('a lease lock', () => {
  it('is given to one after the other, who is told that the first let go', async () => {
    const folder = temporaryFolder();
    const clock = new TestClock();
    const first = await lockIn(folder, clock).acquire();
    if (!('lease' in first)) throw new Error('a free lock was not given');
    const second = lockIn(folder, clock).acquire();
    expect(await passTime(clock, second, 10, 1_000)).toBe('waiting');
    await first.lease.release();
    expect(await passTime(clock, second, 10, 1_000)).toEqual({ gone: first.lease.nonce });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('stays with a holder that lives, however long it works', async () => {
    const folder = temporaryFolder();
    const clock = new TestClock();
    const first = await lockIn(folder, clock).acquire();
    if (!('lease' in first)) throw new Error('a free lock was not given');
    const second = lockIn(folder, clock).acquire();
    expect(await passTime(clock, second, 100, 5 * LEASE_MS)).toBe('waiting');
    await first.lease.release();
    await passTime(clock, second, 100, 1_000);
  });

  it('stays with a holder that lives where no time stamp ever changes', async () => {
    const folder = temporaryFolder();
    const clock = new TestClock();
    // As on a file system that rounds to days, under a wall clock that stands still.
    const still = new Date('2020-01-01');
    const files: typeof promises = {
      ...promises,
      open: async (path, flags, mode) => {
        const handle = await promises.open(path, flags, mode);
        const close = handle.close.bind(handle);
        handle.close = async () => {
          await handle.utimes(still, still);
          await close();
        };
        return handle;
      },
      utimes: (path) => promises.utimes(path, still, still),
    };
    const lock = (): LeaseLock => new LeaseLock(folder, 'work', { files, clock, random, leaseMs: LEASE_MS });
    const first = await lock().acquire();
    if (!('lease' in first)) throw new Error('a free lock was not given');
    const second = lock().acquire();
    expect(await passTime(clock, second, 100, 5 * LEASE_MS)).toBe('waiting');
    await first.lease.release();
    await passTime(clock, second, 100, 1_000);
  });

  it('is not taken from a holder that lives by giving up another file of a higher generation', async () => {
    const folder = temporaryFolder();
    const clock = new TestClock();
    writeFileSync(join(folder, 'work.5'), JSON.stringify({ pid: process.pid, host: hostname(), nonce: 'alive' }));
    // Left by one that was killed as it claimed the lock.
    writeFileSync(join(folder, 'work.6'), JSON.stringify({ pid: deadPid(), host: hostname(), nonce: 'dead' }));
    const second = lockIn(folder, clock).acquire();
    expect(await passTime(clock, second, 100, LEASE_MS / 2)).toBe('waiting');
    expect(readdirSync(folder)).toContain('work.5');
    await promises.rm(join(folder, 'work.5'));
    expect(await passTime(clock, second, 100, 1_000)).toHaveProperty('lease');
  });

  it('is not lost to a claimant that deletes its own file late', async () => {
    const folder = temporaryFolder();
    const clock = new TestClock();
    const stopped = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    let lists = 0;
    // It finds nobody and makes its file; then it finds somebody else and gives way, but is stopped before it deletes its file.
    const slowFiles = filesWith(async ({ name }) => {
      if (name === 'readdir' && ++lists === 2) {
        writeFileSync(join(folder, 'work.7'), JSON.stringify({ pid: process.pid, host: hostname(), nonce: 'other' }));
      }
      if (name !== 'rm') return;
      stopped.resolve();
      await goOn.promise;
    });
    const end = new AbortController();
    const slow = new LeaseLock(folder, 'work', { files: slowFiles, clock, random, leaseMs: LEASE_MS });
    const turn = expect(slow.acquire(end.signal)).rejects.toThrow();
    await stopped.promise;
    // Whoever held the lock gave the slow one up, deleted its file and has let go; the lock is somebody else's now.
    for (const name of readdirSync(folder)) await promises.rm(join(folder, name));
    expect(await lockIn(folder, clock).acquire()).toHaveProperty('lease');
    goOn.resolve();
    end.abort();
    await passTime(clock, turn, 10, 1_000);
    const third = lockIn(folder, clock).acquire();
    expect(await passTime(clock, third, 100, LEASE_MS / 2)).toBe('waiting');
  });

  it('is taken at once from a holder whose process is gone', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'work.1'), JSON.stringify({ pid: deadPid(), host: hostname(), nonce: 'a' }));
    const turn = await lockIn(folder, new TestClock()).acquire();
    expect(turn).toHaveProperty('lease');
    expect(readdirSync(folder)).toEqual(['work.2']);
  });

  it.each([
    ['on another host', { pid: 1, host: 'elsewhere', nonce: 'a' }],
    ['that hangs', { pid: process.pid, host: hostname(), nonce: 'a' }],
    ['killed before it wrote who it is', undefined],
    ['that wrote something else', { pid: 'x' }],
  ])('is taken after the lease from a holder %s, whatever the wall clock does', async (_, holder) => {
    const folder = temporaryFolder();
    const clock = new TestClock();
    const file = join(folder, 'work.1');
    writeFileSync(file, holder === undefined ? '' : JSON.stringify(holder));
    // As if it had been written by a clock far ahead, or far behind.
    utimesSync(file, new Date(0), new Date('2100-01-01'));
    const turn = lockIn(folder, clock).acquire();
    expect(await passTime(clock, turn, 100, LEASE_MS - 1_000)).toBe('waiting');
    clock.setWall(clock.now() - 86_400_000);
    expect(await passTime(clock, turn, 100, 2_000)).toHaveProperty('lease');
  });

  it('goes to one of many who give up the same holder at the same time', async () => {
    const folder = temporaryFolder();
    const clock = new TestClock();
    writeFileSync(join(folder, 'work.1'), JSON.stringify({ pid: 1, host: 'elsewhere', nonce: 'a' }));
    const end = new AbortController();
    const all = Array.from({ length: 16 }, () => lockIn(folder, clock).acquire(end.signal));
    expect(await passTime(clock, Promise.all(all), 100, 3 * LEASE_MS)).toBe('waiting');
    end.abort();
    await passTime(clock, Promise.allSettled(all), 100, LEASE_MS);
    const turns = await Promise.allSettled(all);
    expect(turns.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('is not taken by the files of another lock', async () => {
    const folder = temporaryFolder();
    for (const name of ['work.failed', 'work.0', 'work.01', 'work.1.tmp', 'works.1', 'work.1e9']) {
      writeFileSync(join(folder, name), '');
    }
    expect(await lockIn(folder, new TestClock()).acquire()).toHaveProperty('lease');
  });

  it('can be waited for until a signal says otherwise', async () => {
    const folder = temporaryFolder();
    const clock = new TestClock();
    await lockIn(folder, clock).acquire();
    const controller = new AbortController();
    const turn = lockIn(folder, clock).acquire(controller.signal);
    controller.abort(new Error('enough'));
    await expect(passTime(clock, turn, 10, 1_000)).rejects.toThrow('enough');
  });

  it('never has two living holders, and always finds one', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 8 }),
        fc.nat(3),
        fc.nat(),
        fc.scheduler(),
        async (takers, left, seed, schedule) => {
          // What the locks draw belongs to the case, so that its seed replays it.
          const pauses = new SeededRandom(seed);
          const folder = join(temporaryFolder(), 'locks');
          mkdirSync(folder);
          // Generations that dead holders left behind, in any number.
          for (let generation = 1; generation <= left; generation += 1) {
            const holder = { pid: 1, host: 'elsewhere', nonce: `dead ${generation}` };
            writeFileSync(join(folder, `work.${generation}`), JSON.stringify(holder));
          }
          const clock = new TestClock();
          // Every call of the file system happens when the scheduler says so.
          const files = filesWith(({ name }) => schedule.schedule(Promise.resolve(), name));
          let holding = 0;
          let held = 0;
          const take = async (): Promise<void> => {
            const lock = new LeaseLock(folder, 'work', { files, clock, random: pauses, leaseMs: LEASE_MS });
            for (;;) {
              const turn = await lock.acquire();
              if (!('lease' in turn)) continue;
              holding += 1;
              held += 1;
              expect(holding).toBe(1);
              await schedule.schedule(Promise.resolve());
              holding -= 1;
              await turn.lease.release();
              return;
            }
          };
          const all = Promise.all(Array.from({ length: takers }, take));
          let done = false;
          void all.finally(() => {
            done = true;
          });
          while (!done) {
            await new Promise((resolve) => setImmediate(resolve));
            if (schedule.count() > 0) await schedule.waitOne();
            else clock.advance(LEASE_MS / 20);
          }
          await all;
          expect(held).toBe(takers);
        },
      ),
      { numRuns: runCount(150) },
    );
  });
});
