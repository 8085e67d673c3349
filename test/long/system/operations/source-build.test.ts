import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createRuntime } from '#system';
import { buildSource } from '#system/operations';
import { scratchFolder } from '../../../security/scratch.ts';

const WIT = 'package example:text; world guest { export slug: func(text: string) -> string; }';

describe('building source that nobody read', () => {
  it('makes a component of the world', async () => {
    const source = 'export const slug = (text: string): string => text.toLowerCase();';
    const bytes = await buildSource(source, WIT);
    const runtime = await createRuntime();
    onTestFinished(() => runtime.close());
    const handle = await runtime.load(bytes);
    expect(await runtime.call(handle, 'slug', 'A B')).toBe('a b');
  });

  it('leaves imports of interfaces to the component', async () => {
    const wit = `package example:text; interface clock { now: func() -> u32; }
      world guest { import clock; export slug: func(text: string) -> string; }`;
    const source = "import { now } from 'example:text/clock'; export const slug = (text) => text + now();";
    const runtime = await createRuntime();
    onTestFinished(() => runtime.close());
    const imports = { 'example:text/clock': { now: () => 7 } };
    const handle = await runtime.load(await buildSource(source, wit), { imports });
    expect(await runtime.call(handle, 'slug', 'at ')).toBe('at 7');
  });

  it('reads no file that the source names', async () => {
    const file = join(scratchFolder(), 'secret.json');
    writeFileSync(file, '{"password":"of the host"}');
    for (const source of [
      `import secret from '${file}'; export const slug = () => secret.password;`,
      `export const slug = async () => (await import('${file}')).password;`,
      `export const slug = () => require('${file}').password;`,
      "import { readFileSync } from 'node:fs'; export const slug = () => readFileSync('/etc/passwd', 'utf8');",
      "export { version as slug } from './package.json';",
    ]) {
      await expect(buildSource(source, WIT), source).rejects.toMatchObject({
        code: 'PROJECT_BUILD_FAILED',
        message: expect.stringContaining('may be imported'),
      });
    }
  });

  it.each([
    ['does not parse', 'export const slug = (', WIT],
    ['throws', 'throw new Error("at the top"); export const slug = () => "";', WIT],
    ['is for no world', 'export const slug = () => "";', 'nonsense'],
  ])('refuses source that %s', async (_, source, wit) => {
    await expect(buildSource(source, wit)).rejects.toMatchObject({ code: 'PROJECT_BUILD_FAILED' });
  });

  it('refuses streams of the world, and asynchronous imports', async () => {
    const streams = 'package a:b; world guest { export slug: func(text: stream<string>) -> string; }';
    await expect(buildSource('export const slug = () => "";', streams)).rejects.toMatchObject({
      code: 'PROJECT_BUILD_FAILED',
      message: expect.stringContaining('(export slug: stream<string> in its parameter text)'),
    });
    const asks = 'package a:b; world guest { import ask: async func(); export slug: func() -> string; }';
    await expect(buildSource('export const slug = () => "";', asks)).rejects.toMatchObject({
      code: 'PROJECT_BUILD_FAILED',
      message: expect.stringContaining('it imports ask, an asynchronous function'),
    });
  });

  it('ends source that never ends, and any that is no longer wanted', async () => {
    const endless = 'for (;;); export const slug = () => "";';
    await expect(buildSource(endless, WIT, { maxTimeMs: 2_000 })).rejects.toMatchObject({
      code: 'PROJECT_BUILD_FAILED',
      message: expect.stringContaining('2000 ms'),
    });
    const controller = new AbortController();
    const building = buildSource(endless, WIT, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(building).rejects.toThrow('enough');
  });

  it('refuses options that it does not know', async () => {
    await expect(buildSource('', WIT, { maxTimeMs: -1 })).rejects.toMatchObject({ code: 'CORE_INVALID_OPTION' });
  });
});
