import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A folder of this test's own, removed when it ends. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'vivarium-security-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What a program prints that runs as an unprivileged user: root may do anything, so modes would not be tested. */
export function runUnprivileged(...args: readonly string[]): string {
  const program = new URL('./unprivileged.ts', import.meta.url).pathname;
  return execFileSync(process.execPath, [program, ...args], { encoding: 'utf8' });
}
