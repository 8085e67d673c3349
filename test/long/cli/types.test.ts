import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { viv } from '../../cli/viv.ts';
import { complaintsOf } from '../../support/complaints-of.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const fixture = join(import.meta.dirname, '../../fixtures/shop');

describe('viv types', () => {
  const folder = temporaryFolder();
  afterAll(() => folder[Symbol.dispose]());
  const project = folder.at('shop');

  it("types a source's imports and exports, its component's exports, and what the component is given", async () => {
    await cp(fixture, project, { recursive: true });
    const guest = await viv(['types', project, '--guest', '-o', join(project, 'wit.d.ts')]);
    expect(guest).toMatchObject({ code: 0, err: '' });
    await cp(join(project, 'wit.d.ts'), join(project, 'types/wit.d.ts'), { recursive: true });
    const built = await viv(['build', project, '--json']);
    expect(built.objects).toMatchObject([{ warnings: [] }]);

    await viv(['types', project, '-o', join(project, 'shop.d.ts')]);
    const declared = await readFile(join(project, 'shop.d.ts'), 'utf8');
    expect(declared).toContain('/** What is bought. */');
    const host = await readFile(join(project, 'host.ts'), 'utf8');
    const options = { types: ['node'], lib: ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts', 'lib.dom.d.ts'] };
    expect(complaintsOf({ 'shop.d.ts': declared, 'host.ts': host }, options)).toEqual([]);

    // The package by its own name is found from inside of the package alone.
    const main = pathToFileURL(join(import.meta.dirname, '../../../src/index.ts')).href;
    await writeFile(join(project, 'host.ts'), host.replace("'vivarium'", `'${main}'`));
    const { trade } = (await import(pathToFileURL(join(project, 'host.ts')).href)) as { trade(file: string): unknown };
    expect(await trade(join(project, 'actor.wasm'))).toEqual({
      added: 1,
      refused: { tag: 'unknown', val: 'not for sale' },
      full: { tag: 'full' },
      amount: 20n,
      currency: 'EUR',
      counted: 4n,
      notes: ['pen and cup cost 20'],
    });
  });

  it('says of a component what it says of its WIT', async () => {
    const [ofWit, ofComponent] = await Promise.all([
      viv(['types', project]),
      viv(['types', join(project, 'actor.wasm')]),
    ]);
    const plain = (text: string): string =>
      text.replace(/ *\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n/g, '').replace(/ *init\(.*\n/, '');
    expect(plain(ofComponent.out)).toBe(plain(ofWit.out));
    expect(ofComponent.out).toContain('Adds pieces at the price');
  });

  it('checks the source of a project against its WIT', async () => {
    const source = await readFile(join(project, 'src/actor.ts'), 'utf8');
    await writeFile(join(project, 'src/actor.ts'), source.replace('new Discount(50)', "new Discount('half')"));
    const { code, objects } = await viv(['build', project, '--json']);
    expect(code).toBe(1);
    expect(objects).toMatchObject([{ error: { message: expect.stringMatching(/actor\.ts:\d+:\d+: .*'string'/) } }]);
  });

  it.each([
    ['wrong.wit', 'package a:b; world w { export f: func( }', 2, 'PROJECT_BAD_WIT'],
    ['two.wit', 'package a:b; world v {} world w {}', 2, '--world'],
    ['none.wit', 'package a:b; interface i {}', 2, 'PROJECT_BAD_WIT'],
    ['text.wasm', 'nonsense', 4, 'RUNTIME_INVALID_COMPONENT'],
  ])('refuses %s', async (name, text, exit, message) => {
    const file = folder.at(name);
    await writeFile(file, text);
    const { code, out } = await viv(['types', file, '--json']);
    expect(code).toBe(exit);
    expect(out).toContain(message);
  });

  it('takes one of several worlds, and prints it where no file is named', async () => {
    const file = folder.at('two.wit');
    const { code, out } = await viv(['types', file, '--world', 'w']);
    expect(code).toBe(0);
    expect(out).toContain('export interface World {}');
    expect(await viv(['types', folder.at('nowhere.wit'), '--json'])).toMatchObject({ code: 3 });
  });
});
