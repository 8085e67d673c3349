// Watches that outlive the folder that they watch.
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FolderWatch } from '../../src/cli/terminal/folder-watch.ts';
import { watchProject } from '../../src/cli/terminal/project-watch.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'viv-folder-watch-'));
});
afterAll(() => rm(root, { recursive: true }));

async function scene(name: string) {
  const above = join(root, name);
  const folder = join(above, 'target', 'release');
  await mkdir(folder, { recursive: true });
  const seen: string[] = [];
  const watch = new FolderWatch(folder, {
    changed: (file) => void seen.push(file),
    replaced: () => void seen.push('replaced'),
    lost: (error) => void seen.push(String(error)),
  });
  return { folder, seen, watch };
}

it.each([
  [
    'deleted and made anew',
    async (folder: string) => {
      await rm(folder, { recursive: true });
      await mkdir(folder);
    },
  ],
  [
    'deleted and made anew with the one above it, as by cargo clean',
    async (folder: string) => {
      await rm(join(folder, '..'), { recursive: true });
      await mkdir(folder, { recursive: true });
    },
  ],
  [
    'moved away for another one',
    async (folder: string, round: number) => {
      await mkdir(`${folder}.new`);
      await rename(folder, `${folder}.old-${round}`);
      await rename(`${folder}.new`, folder);
    },
  ],
  [
    'a link that leads elsewhere from then on',
    async (folder: string, round: number) => {
      await mkdir(`${folder}.${round}`);
      await symlink(`${folder}.${round}`, `${folder}.next`);
      if (round === 1) await rename(folder, `${folder}.first`);
      await rename(`${folder}.next`, folder);
    },
  ],
])('a folder that is %s is watched again', async (name, remake) => {
  const { folder, seen, watch } = await scene(name);
  using _watch = watch;
  for (const round of [1, 2]) {
    seen.length = 0;
    await remake(folder, round);
    await expect.poll(() => seen).toContain('replaced');
    await writeFile(join(folder, `app-${round}.wasm`), '');
    await expect.poll(() => seen).toContain(`app-${round}.wasm`);
  }
});

it('a project that is deleted and made anew is built anew, and so are its later changes', async () => {
  const folder = join(root, 'project');
  await mkdir(join(folder, 'src'), { recursive: true });
  const seen: string[] = [];
  using _watch = watchProject(
    folder,
    (file) => void seen.push(file),
    () => {},
  );
  await rm(folder, { recursive: true });
  await mkdir(join(folder, 'src'), { recursive: true });
  await expect.poll(() => seen).toContain('project');
  await writeFile(join(folder, 'src', 'actor.ts'), '');
  await expect.poll(() => seen).toContain(join('src', 'actor.ts'));
});

it('a watch that has ended says nothing of the folder', async () => {
  const { folder, seen, watch } = await scene('ended');
  using other = new FolderWatch(folder, {
    changed: (file) => void others.push(file),
    replaced: () => {},
    lost: () => {},
  });
  const others: string[] = [];
  watch[Symbol.dispose]();
  await writeFile(join(folder, 'app.wasm'), '');
  await expect.poll(() => others).toContain('app.wasm');
  expect([seen, other]).toEqual([[], other]);
});
