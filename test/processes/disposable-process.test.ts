import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { DisposableProcess, type DisposableProcessOptions, programBeside } from '#processes';
import { systemClock } from '../../src/system/clock.ts';
import { TestClock } from '../../src/testing/clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { Question } from './support/answering-child.ts';

const LIMITS = { maxMs: 60_000 };
const started: DisposableProcess<Question, unknown>[] = [];

function start(options: Partial<DisposableProcessOptions> = {}): DisposableProcess<Question, unknown> {
  const program = programBeside(import.meta.url, './support/answering-child');
  const child = new DisposableProcess<Question, unknown>({
    program,
    clock: systemClock,
    errorOf: (end) => end,
    ...options,
  });
  started.push(child);
  return child;
}

afterEach(async () => {
  for (const child of started.splice(0)) {
    child.stop();
    await child.exited();
  }
});

describe('a disposable process', () => {
  it('answers one question after the other', async () => {
    const child = start();
    for (const echo of ['text', new Uint8Array([1, 2]), { deep: [1n] }]) {
      expect(await child.ask({ echo }, LIMITS)).toEqual(echo);
    }
    expect(child.isAlive).toBe(true);
  });

  it('has no environment, and may write no files under permissions', async () => {
    using folder = temporaryFolder();
    const file = folder.at('written');
    expect(await start().ask({ ask: 'environment' }, LIMITS)).toEqual([]);
    expect(await start({ permissions: [] }).ask({ write: file }, LIMITS)).toBe('ERR_ACCESS_DENIED');
    expect(existsSync(file)).toBe(false);
    expect(await start().ask({ write: file }, LIMITS)).toBe('written');
  });

  it('is killed when an answer is late, by the given clock', async () => {
    const clock = new TestClock();
    const child = start({ clock, workOf: () => ({ ms: clock.monotonic(), isBusy: true }) });
    const asked = child.ask({ ask: 'loop' }, { maxMs: 1_000 });
    clock.advance(999);
    expect(child.isAlive).toBe(true);
    clock.advance(1);
    await expect(asked).rejects.toEqual({ why: 'late', maxMs: 1_000 });
    await child.exited();
    expect(child.isAlive).toBe(false);
    await expect(child.ask({ echo: 1 }, LIMITS)).rejects.toEqual({ why: 'late', maxMs: 1_000 });
  });

  it('gets more time for an answer when it lacked a processor', async () => {
    const clock = new TestClock();
    const child = start({ clock, workOf: () => ({ ms: clock.monotonic() / 2, isBusy: true }) });
    const asked = child.ask({ ask: 'loop' }, { maxMs: 1_000 });
    clock.advance(1_999);
    expect(child.isAlive).toBe(true);
    clock.advance(1_000);
    await expect(asked).rejects.toEqual({ why: 'late', maxMs: 1_000 });
  });

  it('has no limit left over from an earlier question', async () => {
    const clock = new TestClock();
    const child = start({ clock });
    await child.ask({ echo: 1 }, { maxMs: 10 });
    clock.advance(10);
    expect(await child.ask({ echo: 2 }, { maxMs: 10 })).toBe(2);
  });

  it('says how it ended by itself', async () => {
    await expect(start().ask({ ask: 'exit' }, LIMITS)).rejects.toEqual({ why: 'exited', how: 'exit 7' });
    const why = 'exited';
    await expect(start({ maxHeapMib: 32 }).ask({ ask: 'heap' }, LIMITS)).rejects.toMatchObject({ why });
    const program = new URL('./support/no-such-child.ts', import.meta.url);
    await expect(start({ program }).ask({ echo: 1 }, LIMITS)).rejects.toMatchObject({ why });
  });

  it('is killed with its question by a signal, also one that was aborted before', async () => {
    const [early, late] = [new AbortController(), new AbortController()];
    early.abort('early');
    await expect(start().ask({ echo: 1 }, { ...LIMITS, signal: early.signal })).rejects.toBe('early');
    const child = start();
    const asked = child.ask({ ask: 'nothing' }, { ...LIMITS, signal: late.signal });
    late.abort('late');
    await expect(asked).rejects.toBe('late');
    await child.exited();
  });

  it('is left alone by a signal that is aborted after the answer', async () => {
    const controller = new AbortController();
    const child = start();
    await child.ask({ echo: 1 }, { ...LIMITS, signal: controller.signal });
    controller.abort();
    expect(await child.ask({ echo: 2 }, LIMITS)).toBe(2);
  });

  it('rejects its question, and all later ones, with the reason of the first stop', async () => {
    const child = start();
    const asked = child.ask({ ask: 'nothing' }, LIMITS);
    child.stop('first');
    child.stop('second');
    await expect(asked).rejects.toBe('first');
    await child.exited();
    await expect(child.ask({ echo: 1 }, LIMITS)).rejects.toBe('first');
  });

  it('keeps its parent alive while it answers, and no longer', async () => {
    using folder = temporaryFolder();
    const program = fileURLToPath(new URL('./support/idle-parent.ts', import.meta.url));
    const parent = spawn(process.execPath, ['--no-warnings', program, folder.at('awaited')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const output = text(parent.stdout);
    await once(parent.stdout, 'readable');
    expect(parent.exitCode).toBeNull();
    writeFileSync(folder.at('awaited'), '');
    const [code] = await once(parent, 'exit');
    expect([await output, code]).toEqual(['asked\nit is there\n', 0]);
  });
});
