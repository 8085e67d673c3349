import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a tool of the suite is run with: its arguments and, where it takes some, its input. */
export interface Scenario {
  readonly name: string;
  readonly args: readonly string[];
  readonly input?: Uint8Array;
  /** Whether wasmtime has to be given the network for it. Here nothing is granted. */
  readonly usesLoopback?: boolean;
  /** What it is granted here beside its folder. */
  readonly grants?: readonly string[];
}

/** How a tool has ended, its outputs as `shown` has them. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  /** Left out after a trap, where each runtime has its own words. */
  readonly stderr?: string;
}

/** Exit code of a trap: 128 and the number of SIGABRT, as wasmtime has it. */
export const TRAPPED = 134;
/** Where a tool finds the folder that it is given. */
export const GUEST_FOLDER = '/data';

const everyByte = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 7) % 256);

export const SCENARIOS: readonly Scenario[] = [
  { name: 'arguments', args: ['one', 'two words', 'drei–☃'] },
  { name: 'cat', args: ['cat'], input: everyByte },
  { name: 'copy', args: ['copy'], input: everyByte },
  { name: 'lines', args: ['lines'], input: Buffer.from('first\n\nlast') },
  { name: 'exit', args: ['exit', '0'] },
  { name: 'exit with a failure', args: ['exit', '3'] },
  { name: 'trap', args: ['trap'] },
  { name: 'sleep', args: ['sleep'] },
  { name: 'asyncio', args: ['asyncio'], usesLoopback: true },
  { name: 'files', args: ['files', GUEST_FOLDER] },
  { name: 'links', args: ['links', GUEST_FOLDER] },
  { name: 'sync', args: ['sync', GUEST_FOLDER] },
  { name: 'tcp', args: ['tcp'], usesLoopback: true, grants: ['network:*:tcp://127.0.0.1:*'] },
  { name: 'udp', args: ['udp'], usesLoopback: true, grants: ['network:*:udp://127.0.0.1:*'] },
  { name: 'names', args: ['names'], usesLoopback: true },
  { name: 'race', args: ['race', '100'] },
  { name: 'late', args: ['late'] },
  { name: 'jump', args: ['jump'] },
  { name: 'throw', args: ['throw'] },
  { name: 'database', args: ['database', GUEST_FOLDER] },
];

/** The variables that a tool is given. */
export const VARIABLES: Readonly<Record<string, string>> = { NAME: 'a value', TZ: 'UTC' };

/** Does something with a folder as every tool finds it, and removes it. */
export async function withFolder<T>(use: (folder: string) => Promise<T> | T): Promise<T> {
  const around = mkdtempSync(join(tmpdir(), 'vivarium-toolchains-'));
  const folder = join(around, 'data');
  mkdirSync(folder);
  writeFileSync(join(around, 'secret.txt'), 'secret');
  writeFileSync(join(folder, 'there.txt'), 'there');
  for (const [name, target] of [
    ['link', 'there.txt'],
    ['up', '../secret.txt'],
    ['out', 'inside/../../secret.txt'],
    ['absolute', '/etc/hostname'],
    ['loop', 'loop'],
  ] as const) {
    symlinkSync(target, join(folder, name));
  }
  try {
    return await use(folder);
  } finally {
    rmSync(around, { recursive: true });
  }
}

/** What was printed, for a file that people read: text, or the digest of anything else. */
export function shown(bytes: Buffer): string {
  const text = bytes.toString();
  if (bytes.length < 10_000 && Buffer.from(text).equals(bytes)) return text;
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}, ${bytes.length} bytes`;
}
