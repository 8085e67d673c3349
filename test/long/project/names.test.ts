// Whatever a project's folder is called, what is written into it can be read.
import { readFile } from 'node:fs/promises';
import { componentEmbed } from '@bytecodealliance/jco-transpile/wasm-tools';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { newActor, readManifest } from '../../../src/system/operations/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** Words of WIT, of JavaScript, of Rust, Python and C. */
const WORDS = [
  ...['as', 'async', 'bool', 'borrow', 'char', 'constructor', 'enum', 'error-context', 'export', 'f32', 'f64', 'flags'],
  ...['from', 'func', 'future', 'import', 'include', 'interface', 'list', 'map', 'option', 'own', 'package', 'record'],
  ...['resource', 'result', 's16', 's32', 's64', 's8', 'static', 'stream', 'string', 'tuple', 'type', 'u16', 'u32'],
  ...['u64', 'u8', 'union', 'use', 'variant', 'with', 'world', 'class', 'fn', 'def', 'int', 'main', 'guest', 'default'],
];

async function mustBeReadable(name: string): Promise<void> {
  using folder = temporaryFolder();
  await newActor(folder.at('library', name), 'library');
  const witSource = await readFile(folder.at('library', name, 'wit/world.wit'), 'utf8');
  await expect(componentEmbed({ witSource, dummy: true }), witSource).resolves.toBeInstanceOf(Uint8Array);
  await newActor(folder.at('actor', name), 'actor');
  await expect(readManifest(folder.at('actor', name, 'actor.toml'))).resolves.toMatchObject({ id: expect.any(String) });
}

it.each(WORDS)('a project called %s', mustBeReadable);

it('a project of any name', async () => {
  const names = fc
    .oneof(
      fc.string({ minLength: 1, maxLength: 40, unit: 'binary' }),
      fc.stringMatching(/^[A-Za-z0-9_.%'"\\ -]{1,80}$/),
    )
    .filter((name) => !/[/\0]/.test(name) && !/^\.{1,2}$/.test(name) && Buffer.byteLength(name) < 200);
  await fc.assert(fc.asyncProperty(names, mustBeReadable), { numRuns: 30 });
});
