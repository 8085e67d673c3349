import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { viv } from './viv.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vivarium-project-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('viv new and viv build', () => {
  it('make an actor that runs, outside any checkout, without installing anything', async () => {
    const project = join(folder, 'My Greeter');
    expect((await viv(['new', project])).code).toBe(0);
    const built = await viv(['build', project, '--json']);
    expect(built).toMatchObject({
      code: 0,
      objects: [{ file: join(project, 'actor.wasm'), engine: 'qjs', bytes: expect.any(Number) }],
    });
    const ran = await viv(['run', join(project, 'actor.wasm'), '-m', 'Ada']);
    expect(ran.out).toBe('Hello, Ada! You are number 1.\n');
  });

  it('give an editor types that check', async () => {
    const project = join(folder, 'typed');
    await viv(['new', project]);
    await promisify(execFile)(process.execPath, [
      join(process.cwd(), 'node_modules/typescript/bin/tsc'),
      '-p',
      project,
    ]);
  });

  it('refuse a folder that is not empty', async () => {
    await writeFile(join(folder, 'file'), 'x');
    expect(await viv(['new', folder, '--json'])).toMatchObject({
      code: 2,
      objects: [{ error: { code: 'PROJECT_EXISTS' } }],
    });
    expect(await readFile(join(folder, 'file'), 'utf8')).toBe('x');
  });

  it('say what is wrong with a source', async () => {
    const bad = join(folder, 'bad.ts');
    await writeFile(bad, "import { nothing } from './nowhere';\nexport const lifecycle = nothing;");
    const { code, objects } = await viv(['build', bad, '--json']);
    expect(objects[0]).toMatchObject({
      error: { code: 'PROJECT_BUILD_FAILED', message: expect.stringContaining('nowhere') },
    });
    expect(code).toBe(1);
    expect((await viv(['build', join(folder, 'none'), '--json'])).code).toBe(3);
  });
});
