import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/index.ts';
import { actor } from '../../tools/components/actor-wat.ts';
import { scratchFolder } from '../security/scratch.ts';
import { homeIn } from '../support/home-in.ts';
import { wasiGuest } from '../support/wasi-guest.ts';

let home: string;
let before: string | undefined;
let store: Uint8Array;

beforeAll(async () => {
  store = await actor({
    fields: `(import "vivarium:actor/storage@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32)))`,
    handleMessage: `(call $set (i32.load offset=24 (local.get $msg)) (i32.load offset=28 (local.get $msg))
      (i32.load offset=24 (local.get $msg)) (i32.load offset=28 (local.get $msg)) (i32.const 256))
      (i32.store8 (i32.const 16) (i32.const 0)) (i32.store8 (i32.const 20) (i32.const 1))
      (i32.store (i32.const 24) (i32.const 256)) (i32.store (i32.const 28) (i32.const 1)) (i32.const 16)`,
  });
});
beforeEach(() => {
  home = scratchFolder();
  before = process.env.VIVARIUM_HOME;
  process.env.VIVARIUM_HOME = homeIn(home);
});
afterEach(() => {
  process.env.VIVARIUM_HOME = before;
});

const viv = (...args: string[]) => vivWith('', ...args);

async function vivWith(input: string, ...args: string[]) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  if (input !== '') stdin.end(input);
  let [out, err] = ['', ''];
  stdout.on('data', (chunk) => (out += chunk));
  stderr.on('data', (chunk) => (err += chunk));
  const code = await main(args, { stdin, stdout, stderr });
  await new Promise(setImmediate);
  const lines = out.split('\n').filter(Boolean);
  return { code, out, err, objects: () => lines.map((line) => JSON.parse(line)) };
}

describe('viv key, sign and verify', () => {
  it('make a key, sign a component and verify it', async () => {
    const file = join(home, 'a.wasm');
    writeFileSync(file, store);
    expect(await viv('verify', file)).toMatchObject({ code: 4, err: expect.stringContaining('SECURITY_UNTRUSTED') });
    expect((await viv('key', 'new', 'release')).code).toBe(0);
    expect(statSync(join(home, 'home', 'keys', 'release.pem')).mode & 0o777).toBe(0o600);
    expect((await viv('sign', file, '--key', 'release')).code).toBe(0);
    const { code, objects } = await viv('verify', file, '--json');
    expect(code).toBe(0);
    expect(objects()).toMatchObject([
      { file, digest: expect.stringMatching(/^sha256:/), signers: [{ name: 'release' }] },
    ]);
    writeFileSync(file, 'changed');
    expect(await viv('verify', file, '--json')).toMatchObject({ code: 4 });
    expect((await viv('verify', join(home, 'none'))).code).toBe(3);
    expect((await viv('sign', file, '--key', 'nobody')).code).toBe(3);
  });

  it('carry trust to another home by the public half, and take it back', async () => {
    const file = join(home, 'a.wasm');
    writeFileSync(file, store);
    await viv('key', 'new', 'release');
    await viv('sign', file, '--key', 'release');
    const pem = join(home, 'release.pub');
    const exported = await viv('key', 'export', 'release');
    writeFileSync(pem, exported.out);
    expect(exported.out).toContain('BEGIN PUBLIC KEY');

    process.env.VIVARIUM_HOME = join(home, 'other');
    expect((await viv('verify', file)).code).toBe(4);
    expect((await viv('key', 'import', 'vendor', pem, '--valid-for', '1d')).code).toBe(0);
    expect((await viv('verify', file)).code).toBe(0);
    const listed = (await viv('key', 'list', '--json')).objects();
    expect(listed).toMatchObject([{ name: 'vendor', status: 'valid', canSign: false, validUntil: expect.any(String) }]);
    expect((await viv('key', 'revoke', 'vendor', '--reason', 'stolen')).code).toBe(0);
    expect((await viv('verify', file)).code).toBe(4);
    expect((await viv('key', 'list')).out).toMatch(/vendor .* revoked, .*stolen/);
  });

  it('never print a private key, and export it to a new file of mode 0600 only', async () => {
    await viv('key', 'new', 'release');
    expect((await viv('key', 'export', 'release', '--private')).code).toBe(2);
    const file = join(home, 'release.key');
    const { code, out, err } = await viv('key', 'export', 'release', '--private', '-o', file);
    expect(code).toBe(0);
    const secret = readFileSync(file, 'utf8').split('\n')[1] as string;
    expect(out + err).not.toContain(secret);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await viv('key', 'export', 'release', '--private', '-o', file)).code).toBe(2);
    process.env.VIVARIUM_HOME = join(home, 'other');
    expect((await viv('key', 'import', 'mine', file)).code).toBe(0);
    expect((await viv('key', 'list', '--json')).objects()).toMatchObject([
      { name: 'mine', canSign: true, status: 'valid' },
    ]);
  });

  it('keep both halves of a key or none', async () => {
    await viv('key', 'new', 'a');
    const pem = join(home, 'a.pub');
    writeFileSync(pem, (await viv('key', 'export', 'a')).out);
    process.env.VIVARIUM_HOME = join(home, 'other');
    await viv('key', 'import', 'b', pem);
    expect((await viv('key', 'new', 'b')).code).toBe(2);
    expect(existsSync(join(home, 'other', 'keys', 'b.pem'))).toBe(false);
  });

  it.each([
    ['key', 'new', '../x'],
    ['key', 'import', 'x', '/dev/null'],
    ['sign', 'x'],
  ])('refuse wrong usage: %s %s %s', async (...args) => {
    expect((await viv(...args)).code).toBe(2);
  });
});

describe('viv run', () => {
  it('names the grant that a component lacks, and takes it with --grant', async () => {
    const file = join(home, 'a.wasm');
    writeFileSync(file, store);
    const refused = await viv('run', file, '--message', 'k', '--message', 'k', '--id', 'demo/a/1');
    expect(refused.err).toBe("[denied] demo/a/1 needs --grant 'storage:write:k'\n");
    const granted = await viv(
      'run',
      file,
      '--message',
      'k',
      '--grant',
      'storage:read:x',
      '--grant',
      'storage:write:**',
    );
    expect(granted).toMatchObject({ code: 0, err: '' });
    expect((await viv('run', file, '--message', 'k', '--grant', 'storage')).code).toBe(2);
  });

  it('refuses what is not signed when told so', async () => {
    const file = join(home, 'a.wasm');
    writeFileSync(file, store);
    expect((await viv('run', file, '--message', 'k', '--trust', 'signed')).code).toBe(4);
    await viv('key', 'new', 'release');
    await viv('sign', file, '--key', 'release');
    expect((await viv('run', file, '--message', 'k', '--trust', 'signed')).code).toBe(0);
  });
});

describe('viv start', () => {
  it('says that a grant must be asked for too, where the manifest does not', async () => {
    writeFileSync(join(home, 'a.wasm'), store);
    const manifest = join(home, 'actor.toml');
    const start = (grants: string) => {
      writeFileSync(manifest, `id = "demo/a/1"\ncomponent = "a.wasm"\n${grants}\n`);
      return vivWith('k\n', 'start', manifest, '--to', 'demo/a/1', '--grant', 'storage:write:k');
    };
    const asks = 'grants = ["storage:write:k"]';
    expect((await start('')).err).toContain(
      `[denied] demo/a/1 needs ${asks} in its actor.toml, and --grant 'storage:write:k'\n`,
    );
    expect((await start(asks)).err).not.toContain('[denied]');
  });
});

describe('viv inspect', () => {
  it('shows what a manifest asks for', async () => {
    const file = join(home, 'actor.toml');
    writeFileSync(file, 'id = "demo/a/1"\ncomponent = "a.wasm"\ngrants = ["storage:read:**"]\n');
    const { code, objects } = await viv('inspect', file, '--json');
    expect(code).toBe(0);
    expect(objects()).toMatchObject([{ id: 'demo/a/1', grants: ['storage:read:**'] }]);
    expect((await viv('inspect', file)).out).toContain('asks for  storage:read:**');
  });
});

describe('viv audit', () => {
  it('shows what was recorded, filtered, and finds what was changed', async () => {
    const file = join(home, 'a.wasm');
    writeFileSync(file, store);
    expect((await viv('audit', 'verify')).code).toBe(0);
    await viv('run', file, '--message', 'k', '--message', '\u001b[2J\ngranted', '--id', 'demo/a/1');
    const denied = (await viv('audit', 'show', '--outcome', 'denied', '--json')).objects();
    expect(denied).toMatchObject([
      { component: 'demo/a/1', action: 'storage:write', target: 'k' },
      { target: '\u001b[2J\ngranted' },
    ]);
    const { out } = await viv('audit', 'show', '--outcome', 'denied', '--since', '1h');
    expect(out.trimEnd().split('\n')).toHaveLength(2);
    expect(out).not.toContain('\u001b');
    expect((await viv('audit', 'show', '--component', 'other')).out).toBe('');
    expect(await viv('audit', 'verify')).toMatchObject({ code: 0, out: expect.stringContaining('whole') });

    const log = join(home, 'home', 'audit', 'audit.jsonl');
    writeFileSync(log, readFileSync(log, 'utf8').split('\n').toSpliced(1, 1).join('\n'));
    const { code, objects } = await viv('audit', 'verify', '--json');
    expect(code).toBe(4);
    expect(objects()).toMatchObject([{ kind: 'removed', file: log, line: 2 }, { whole: false }]);
  });
});

describe('viv call --dir', () => {
  it('opens a folder, in which --grant says what may be done', async () => {
    const file = join(home, 'guest.wasm');
    writeFileSync(file, await wasiGuest());
    writeFileSync(join(home, 'note.txt'), 'remember');
    const read = JSON.stringify(['return api.text(api.open("note.txt").read(100, 0)[0])', '']);
    const open = ['call', file, 'run', read, '--timeout', '10s', '--json', '--dir', `${home}::/notes`];
    const resultOf = async (...more: string[]) => {
      const { objects, err } = await viv(...open, ...more);
      return { told: err, ...JSON.parse(objects()[0].result) };
    };
    expect(await resultOf('--grant', 'filesystem:read:/notes/**')).toMatchObject({ ok: 'remember', told: '' });
    const { err, told } = await resultOf();
    expect(err).toBe('access');
    expect(told).toContain("needs --grant 'filesystem:read:/notes/note.txt'");
    expect(await viv('call', file, 'run', read, '--dir', home)).toMatchObject({ code: 2 });
    expect(await viv('call', file, 'run', read, '--dir', `${home}/none::/x`)).toMatchObject({
      code: 2,
      err: expect.stringContaining('SECURITY_INVALID_PREOPEN'),
    });
  });
});
