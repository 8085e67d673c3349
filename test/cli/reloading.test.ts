// A configuration that is read again, without components.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readConfig } from '#server';
import { reloading } from '../../src/cli/commands/serve/reloading.ts';
import { Shell } from '../../src/cli/shell.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-reloading-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function scene(refused?: string) {
  const file = join(folder, 'vivarium.toml');
  const write = (server: string, rest = ''): Promise<void> => writeFile(file, `[server]\n${server}\n${rest}`);
  await write('max-connections = 1');
  const stdout = new PassThrough();
  const shell = new Shell({ stdin: Readable.from([]), stdout, stderr: new PassThrough() });
  shell.json = true;
  const done: string[] = [];
  const applying: (() => void)[] = [];
  const reload = reloading(shell, file, {
    started: await readConfig(file),
    check: () => {
      if (refused !== undefined) throw new Error(refused);
    },
    apply: async ({ server }) => {
      done.push(`apply ${server.maxConnections}`);
      await new Promise<void>((resolve) => void applying.push(resolve));
      return [];
    },
    applied: ({ server }) => void done.push(`applied ${server.maxConnections}`),
  });
  let printed = '';
  stdout.on('data', (piece) => {
    printed += String(piece);
  });
  const events = (): unknown[] =>
    printed
      .split('\n')
      .filter((line) => line !== '')
      .map((line): unknown => JSON.parse(line));
  return { write, reload, done, applying, events };
}

it('a configuration that cannot take effect changes nothing', async () => {
  const { reload, done, events } = await scene('TLS is only turned on at a start');
  await reload();
  expect(done).toEqual([]);
  expect(events()).toMatchObject([{ event: 'reload-failed', message: 'TLS is only turned on at a start' }]);
});

it('reloads take effect one after the other, each with what the file says by then', async () => {
  const { write, reload, done, applying } = await scene();
  const first = reload();
  const second = reload();
  await expect.poll(() => done).toEqual(['apply 1']);
  await write('max-connections = 2');
  applying.shift()?.();
  await first;
  await expect.poll(() => done).toEqual(['apply 1', 'applied 1', 'apply 2']);
  applying.shift()?.();
  await second;
  expect(done.at(-1)).toBe('applied 2');
});

it('what only a start reads is told', async () => {
  const { write, reload, applying, events } = await scene();
  const told = (): unknown[] =>
    events().map((event) => (event as { key?: string }).key ?? (event as { event: string }).event);
  const reloaded = async (): Promise<void> => {
    const done = reload();
    await expect.poll(() => applying.length).toBe(1);
    applying.shift()?.();
    await done;
  };
  await reloaded();
  expect(told()).toEqual(['reloaded']);
  const token = `[[tokens]]\nname = "a"\nscopes = ["read"]\nhash = "sha256:${'0'.repeat(64)}"\n`;
  await write('max-connections = 3', `[management]\nlisten = "127.0.0.1:1"\n${token}`);
  await reloaded();
  expect(told()).toEqual(['reloaded', 'server', 'management', 'tokens', 'reloaded']);
});
