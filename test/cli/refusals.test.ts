// What a newcomer gets wrong, and what `viv` says to it: what was wrong, and what to do.
import { mkdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { actor } from '../../tools/components/actor-wat.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { viv } from './viv.ts';

let folder: ReturnType<typeof temporaryFolder>;
beforeAll(async () => {
  folder = temporaryFolder();
  writeFileSync(folder.at('actor.wasm'), await actor());
  writeFileSync(folder.at('text.txt'), 'hello');
  mkdirSync(folder.at('empty'));
  mkdirSync(folder.at('crate'));
  writeFileSync(folder.at('crate/Cargo.toml'), '');
});
afterAll(() => folder[Symbol.dispose]());

/** Words with an `@` are files in the folder of the test. */
const at = (line: string): string[] =>
  line.split(' ').map((word) => (word.startsWith('@') ? folder.at(word.slice(1)) : word));

describe.each(['build', 'dev'])('viv %s of what is no project', (command) => {
  it.each([
    ['@nowhere', /there is no folder .*nowhere; make a project with viv new/],
    ['@empty', /empty holds no actor; looked for src\/actor\.ts, .* Make one with viv new/],
    ['@crate', /crate holds no actor; .* It is a project in Rust: its README\.md has the commands that build it/],
    ['@text.txt', /text\.txt is neither TypeScript nor JavaScript; give the folder of a project/],
    ['@actor.wasm', /actor\.wasm is a component already, as it seems; run it with viv run/],
  ])('%s', async (what, said) => {
    const { code, err } = await viv([command, ...at(what)]);
    expect({ code, err }).toEqual({ code: 3, err: expect.stringMatching(said) });
  });
});

describe('a file that a command line names and that cannot be used', () => {
  it.each([
    ['new @text.txt/below', 'a part of its path is a file and no folder'],
    [`new @${'x'.repeat(300)}`, 'its name is too long'],
    ['types @actor.wasm -o @nowhere/types.d.ts', 'it does not exist, or the folder that it belongs in does not'],
    ['types @actor.wasm -o @empty', 'it is a folder; name a file'],
  ])('%s', async (line, why) => {
    const { code, err } = await viv(at(line));
    expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(`^CLI_FILE: .* cannot be used: ${why}\n$`) });
  });
});

it('viv start says that a component is no manifest', async () => {
  const { code, err } = await viv(at('start @actor.wasm'));
  expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(/it is a component, .* run it with viv run/) });
});

it('viv serve refuses a component that answers no requests, before it listens', async () => {
  const { code, out, err } = await viv(at('serve @actor.wasm --addr 127.0.0.1:0 --timeout 20s'));
  expect({ code, out, err }).toEqual({
    code: 2,
    out: '',
    err: expect.stringMatching(
      /^SERVER_INVALID_ROUTE: .*actor\.wasm answers no HTTP requests: .* viv new --template handler/m,
    ),
  });
});

it('viv run says how messages come to an actor that is given arguments', async () => {
  const { code, err } = await viv(at('run @actor.wasm Ada'));
  expect({ code, err }).toEqual({
    code: 0,
    err: expect.stringMatching(/actor\.wasm is an actor: it has Ada in its arguments, and messages come by --message/),
  });
});

it('viv new suggests a path that no command takes for an option', async () => {
  const from = process.cwd();
  process.chdir(folder.at('empty'));
  try {
    expect((await viv(['new', '--', '-x'])).out).toContain('Next: viv build ./-x\n');
  } finally {
    process.chdir(from);
  }
});
