import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plain } from '../../tools/components/actor-wat.ts';
import { joinPrograms } from '../support/joined-programs.ts';

/** As Node 24 is by itself, and Node 26 when it is told so. */
const WITHOUT = '--no-experimental-wasm-branch-hinting';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vivarium-hints-'));
  await joinPrograms(['test/system/support/print-flags'], folder);
  await writeFile(join(folder, 'double.wasm'), await plain('', '(i32.mul (local.get 0) (i32.const 2))'));
});
afterAll(() => rm(folder, { recursive: true }));

/** What was printed first, and what V8 says of its branch hints, after a component was called in a process of its own. */
function hints(way: string, ...flags: string[]): { printed: string; heeded: boolean } {
  const output = join(folder, 'output');
  // V8 loses what a pipe does not take at once.
  const file = openSync(output, 'w');
  spawnSync(process.execPath, [WITHOUT, join(folder, 'print-flags.mjs'), way, join(folder, 'double.wasm'), ...flags], {
    stdio: ['ignore', file, 'inherit'],
  });
  closeSync(file);
  const text = readFileSync(output, 'utf8');
  const [, no] = /--experimental-wasm-branch-hinting \(.*\n\s+type: bool {2}default: --(no-)?experimental/.exec(text)!;
  return { printed: text.slice(0, 2), heeded: no === undefined };
}

describe('branch hints', () => {
  it.each(['createRuntime', 'viv'])('are left to the engine by %s that is not told of them', (way) => {
    expect(hints(way)).toEqual({ printed: '42', heeded: false });
  });

  it.each(['createRuntime', 'viv'])('are heeded by the whole process when %s is told to', (way) => {
    expect(hints(way, '--branch-hints')).toEqual({ printed: '42', heeded: true });
  });
});
