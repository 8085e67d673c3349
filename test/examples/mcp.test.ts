import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { homeIn } from '../support/home-in.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

it('mcp: an agent uses tools that a model wrote, and goes on after one that does not end', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'tools.wasm');
  const run = promisify(execFile);
  const env = { ...process.env, VIVARIUM_HOME: homeIn(folder.path) };
  await run(process.execPath, ['bin/viv.js', 'build', 'examples/mcp/tools.ts', '--output', file], { env });
  const { stdout } = await run(process.execPath, ['examples/mcp/main.ts', file], { env });
  expect(stdout.split('\n').slice(0, 3).toSorted()).toEqual([
    'matching-lines: Finds the lines of a text that match a regular expression.',
    'slug: Turns a title into a part of a URL.',
    'total: Adds amounts of money in cents, without rounding.',
  ]);
  expect(stdout.split('\n').slice(3)).toEqual([
    'answered: hello-world',
    'answered: 1649',
    'failed: RUNTIME_INVALID_ARGUMENT: argument cents, item [0]: an s32 is expected, not "much"',
    'failed: METERING_DEADLINE: the call took longer than its 300 ms (give it more, or less to do)',
    'answered: ["two"]',
    '',
  ]);
});
