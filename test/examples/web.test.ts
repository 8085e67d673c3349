import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { echoHandler } from '../../tools/components/echo-handler.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

it('web: a component answers what its embedder asks, and refuses what is too much', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'handler.wasm');
  await writeFile(file, await echoHandler());
  const { stdout } = await promisify(execFile)(process.execPath, ['examples/web/main.ts', file], { timeout: 600_000 });
  expect(stdout).toBe('200 hello\n200 hello\n200 hello\n24 answered\n76 refused\n');
});
