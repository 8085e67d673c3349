import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { interfaceOf } from '#system/operations';
import { embedWit } from '../../../src/system/operations/wit.ts';
import { scratchFolder } from '../../security/scratch.ts';

const adder = 'package a:b; world w { export add: func(a: u32, b: u32) -> u32; }';
const refused = { code: 'REGISTRY_INVALID_QUERY' };

function fileOf(text: string): string {
  const file = join(scratchFolder(), 'some.wit');
  writeFileSync(file, text);
  return file;
}

describe('interface of WIT text', () => {
  it('is that of the only world, or of the one that is named, or of one function', async () => {
    const { interfaceHash, interfaceText } = await interfaceOf(fileOf(adder));
    expect(interfaceText).toContain('func add: (a: u32, b: u32) -> u32');
    const two = fileOf(`${adder} world v { export other: func(); export add: func(a: u32, b: u32) -> u32; }`);
    expect((await interfaceOf(two, { world: 'w' })).interfaceHash).toBe(interfaceHash);
    const alone = await interfaceOf(two, { world: 'v', function: 'add' });
    expect(alone.interfaceHash).toBe(interfaceHash);
    await expect(interfaceOf(two)).rejects.toMatchObject(refused);
    await expect(interfaceOf(two, { world: 'u' })).rejects.toMatchObject(refused);
  });

  it.each([
    ['no WIT', 'hello'],
    ['nothing', ''],
    [
      'a hundred thousand levels',
      `package a:b; world w { export f: func(a: ${'list<'.repeat(1e5)}u8${'>'.repeat(1e5)}); }`,
    ],
    ['an unknown type', 'package a:b; world w { export f: func(a: nothing); }'],
    ['an import that is not there', 'package a:b; world w { include wasi:cli/imports@0.2.0; }'],
    ['ten megabytes', `/*${'x'.repeat(1e7)}*/ ${adder}`],
    ['bytes that are no text', '\0\ud800\uffff'],
  ])('refuses %s', async (_, text) => {
    await expect(interfaceOf(fileOf(text))).rejects.toMatchObject(refused);
  });

  it('refuses a type that doubles with each definition', async () => {
    const types = Array.from({ length: 40 }, (_, at) => `type t${at + 1} = tuple<t${at}, t${at}>;`).join(' ');
    const text = `package a:b; interface i { type t0 = u8; ${types} f: func(a: t40); } world w { export i; }`;
    await expect(interfaceOf(fileOf(text))).rejects.toMatchObject({ code: 'WASM_TOO_LARGE' });
  });

  it('does not wait for a compiler that hangs', async () => {
    // A millisecond is over before any process has started: what the compiler would do makes no difference.
    await expect(embedWit('some.wit', Buffer.from(adder), undefined, 1)).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('more than 1 ms'),
    });
  });
});
