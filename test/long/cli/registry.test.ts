import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Clock } from '#core/ports/clock';
import { KeyStore, TrustStore } from '#security/keys';
import { Signer } from '#security/signers';
import { checkByCommand } from '../../../src/cli/commands/check-command.ts';
import { main } from '../../../src/cli/index.ts';
import { TestClock } from '../../../src/testing/clock.ts';
import { actor } from '../../../tools/components/actor-wat.ts';
import { adderComponent } from '../../../tools/components/adder-component.ts';
import { scratchFolder } from '../../security/scratch.ts';

interface Outcome {
  readonly code: number;
  readonly out: Record<string, unknown>[];
  readonly shown: string;
  readonly err: string;
}

async function viv(...args: string[]): Promise<Outcome> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const printed = [text(stdout), text(stderr)];
  const code = await main(args, { stdin: Readable.from([]), stdout, stderr });
  stdout.end();
  stderr.end();
  const [shown = '', err = ''] = await Promise.all(printed);
  const out = args.includes('--json')
    ? shown
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    : [];
  return { code, out, shown, err };
}

async function makeKey(home: string, name: string): Promise<void> {
  const clock: Clock = new TestClock();
  const signer = Signer.generate();
  await new KeyStore(home).save(name, signer);
  await new TrustStore(home, clock).add(name, signer.publicKey);
}

describe('viv registry', () => {
  let folder: string;
  let wasm: string;

  beforeEach(async () => {
    folder = scratchFolder();
    vi.stubEnv('VIVARIUM_HOME', join(folder, 'home'));
    await makeKey(join(folder, 'home'), 'me');
    wasm = join(folder, 'adder.wasm');
    writeFileSync(wasm, await adderComponent());
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  const publish = (...more: string[]) =>
    viv('registry', 'publish', wasm, '--describe', 'adds two numbers', '--embedder', 'none', '--json', ...more);

  it('publishes, finds, calls, fetches, lists, revokes and collects', async () => {
    const published = await publish('--name', 'adder', '--version', '1.2.3');
    expect(published).toMatchObject({
      code: 0,
      out: [{ name: 'adder', version: '1.2.3', status: 'verified', requires: [] }],
    });
    const id = String(published.out[0]?.id);
    const wit = join(folder, 'adder.wit');
    writeFileSync(wit, 'package a:b; world w { export add: func(a: u32, b: u32) -> u32; }');
    for (const what of [wasm, wit, String(published.out[0]?.interfaceHash)]) {
      const found = await viv('registry', 'query', '--interface', what, '--json');
      expect(found.out).toMatchObject([{ id }]);
    }
    expect((await viv('call', `registry:${id}`, 'add', '[20, 22]', '--json')).out).toMatchObject([{ result: 42 }]);
    expect((await viv('inspect', `registry:${id}`, '--json')).out).toMatchObject([
      { interfaceHash: published.out[0]?.interfaceHash, interfaceText: expect.stringContaining('func add') },
    ]);
    const copy = join(folder, 'copy.wasm');
    expect((await viv('registry', 'fetch', id, '-o', copy)).code).toBe(0);
    expect(readFileSync(copy)).toEqual(readFileSync(wasm));
    expect((await viv('registry', 'list', '--json')).out).toMatchObject([{ id, status: 'verified' }]);
    expect((await viv('registry', 'stats', '--json')).out).toMatchObject([{ modules: { verified: 1 } }]);
    expect((await viv('registry', 'revoke', id, '--json')).out).toMatchObject([{ id, status: 'revoked' }]);
    expect(await viv('call', `registry:${id}`, 'add', '[1, 2]', '--json')).toMatchObject({
      code: 4,
      out: [{ error: { code: 'REGISTRY_REVOKED' } }],
    });
    expect((await viv('registry', 'gc', '--grace', '0', '--json')).out).toMatchObject([
      { evicted: [], seen: 1, deleted: [expect.any(String)], forgotten: 0 },
    ]);
  });

  it.each([
    ['sign', (id: string) => ['sign', id, '--json']],
    ['publish', () => ['publish', wasm, '--describe', 'adds two numbers', '--embedder', 'none', '--json']],
  ])('%s with another key makes a module count again whose key was revoked', async (_, command) => {
    const id = String((await publish()).out[0]?.id);
    await makeKey(join(folder, 'home'), 'second');
    expect((await viv('key', 'revoke', 'me')).code).toBe(0);
    const query = ['registry', 'query', '--interface', wasm, '--json'];
    expect(await viv(...query)).toMatchObject({ out: [], err: expect.stringContaining('revoked') });
    expect(await viv('registry', ...command(id), '--key', 'me')).toMatchObject({
      code: 4,
      out: [{ error: { code: 'REGISTRY_UNTRUSTED' } }],
    });
    expect(await viv('registry', ...command(id), '--key', 'second', '--check', 'exit 3')).toMatchObject({
      out: [{ error: { code: 'REGISTRY_CHECK_FAILED' } }],
    });
    expect(await viv('registry', ...command(id), '--key', 'second')).toMatchObject({ code: 0, out: [{ id }] });
    expect((await viv(...query)).out).toMatchObject([{ id, description: 'adds two numbers' }]);
    expect((await viv('call', `registry:${id}`, 'add', '[20, 22]', '--json')).out).toMatchObject([{ result: 42 }]);
  });

  it('passes over what asks for imports that are not provided', async () => {
    const random = 'wasi:random/random@0.2.0';
    const importing = await parse(`(component
      (import "${random}" (instance (export "get-random-u64" (func (result u64)))))
      (core module $m (func (export "f")))
      (core instance $i (instantiate $m))
      (func (export "f") (canon lift (core func $i "f"))))`);
    writeFileSync(wasm, importing);
    const [published] = (await publish()).out;
    const { id } = published ?? {};
    const query = (...more: string[]) =>
      viv('registry', 'query', '--json', '--interface', String(published?.interfaceHash), ...more);
    expect((await query()).out).toMatchObject([{ id, requires: [random] }]);
    expect((await query('--provided', 'some:other/import', random)).out).toMatchObject([{ id }]);
    expect((await query('--provided', 'some:other/import')).out).toEqual([]);
  });

  it('finds one function of a WIT world with several', async () => {
    const wit = join(folder, 'two.wit');
    writeFileSync(wit, 'package a:b; world w { export add: func(a: u32, b: u32) -> u32; export other: func(); }');
    const { out } = await publish();
    const query = (...more: string[]) => viv('registry', 'query', '--interface', wit, '--json', ...more);
    expect((await query('--function', 'add')).out).toMatchObject([{ id: out[0]?.id }]);
    expect((await query()).out).toEqual([]);
    expect(await query('--function', 'no-such')).toMatchObject({ code: 2 });
  });

  it('runs the check that it was given', async () => {
    const failed = await publish('--check', 'echo it is wrong; exit 3');
    expect(failed).toMatchObject({ code: 1, out: [{ error: { code: 'REGISTRY_CHECK_FAILED' } }] });
    expect(failed.err).toContain('it is wrong');
    expect((await publish('--check', 'test -s "$VIVARIUM_COMPONENT"')).out).toMatchObject([{ status: 'verified' }]);
  });

  it('wants a key, and the name of one where there are several', async () => {
    await makeKey(join(folder, 'home'), 'other');
    expect(await publish()).toMatchObject({ code: 3, out: [{ error: { code: 'SECURITY_KEY_NOT_FOUND' } }] });
    expect((await publish('--key', 'other', '--verifier', 'me')).code).toBe(0);
  });

  it('takes nothing that its own publisher verified, when it is told so', async () => {
    await makeKey(join(folder, 'home'), 'other');
    const own = String((await publish('--key', 'me')).out[0]?.id);
    writeFileSync(wasm, await adderComponent(1));
    const both = String((await publish('--key', 'me', '--verifier', 'other')).out[0]?.id);
    const call = (id: string) => viv('call', `registry:${id}`, 'add', '[1, 1]', '--separate-verifier', '--json');
    expect(await call(own)).toMatchObject({ code: 4, out: [{ error: { code: 'REGISTRY_UNTRUSTED' } }] });
    expect((await call(both)).out).toMatchObject([{ result: 3 }]);
    const query = ['registry', 'query', '--interface', wasm, '--embedder', 'none', '--json'];
    expect((await viv(...query)).out).toHaveLength(2);
    expect((await viv(...query, '--separate-verifier')).out).toMatchObject([{ id: both }]);
  });

  it('tells what went wrong by its exit code', async () => {
    expect((await viv('registry', 'fetch', 'no-such', '-o', join(folder, 'x'))).code).toBe(3);
    expect((await viv('registry', 'query', '--interface', join(folder, 'no-such.wasm'))).code).toBe(2);
    expect((await viv('registry', 'list', '--registry', 'ftp://example.com')).code).toBe(2);
    expect((await viv('registry', 'list', '--registry', 'postgres://127.0.0.1:1/x')).code).toBe(5);
    writeFileSync(wasm, 'no component');
    expect(await publish()).toMatchObject({ code: 4, out: [{ error: { code: 'REGISTRY_INVALID_MODULE' } }] });
  });

  it('shows no control character of a description on a terminal', async () => {
    const refused = await viv('registry', 'publish', wasm, '--describe', 'a\u001b[2Jb', '--embedder', 'none');
    expect(refused.code).toBe(2);
    expect(refused.err).not.toContain('\u001b');
    const [published] = (await publish()).out;
    const database = new DatabaseSync(join(folder, 'home', 'registry', 'index.db'));
    for (const column of ['description', 'name', 'version', 'signature', 'key_id', 'requires_hash', 'id']) {
      database.prepare(`UPDATE modules SET ${column} = ?`).run('\u001b]0;owned\u0007\u009b2J\u202e');
      for (const command of [
        ['list'],
        ['stats'],
        ['fetch', String(published?.id), '-o', join(folder, 'x')],
        ['query', '--embedder', 'none', '--interface', String(published?.interfaceHash)],
        ['revoke', String(published?.id)],
      ]) {
        const { shown, err } = await viv('registry', ...command);
        for (const unsafe of '\u001b\u0007\u009b\u202e') expect(shown + err).not.toContain(unsafe);
      }
    }
    database.close();
  });

  it('runs a published actor, from the registry and the blobs that are named', async () => {
    writeFileSync(wasm, await actor());
    const [registry, blobs] = [join(folder, 'elsewhere'), join(folder, 'blobs')];
    const at = ['--registry', registry, '--blobs', blobs];
    const id = String((await publish(...at)).out[0]?.id);
    expect((await viv('run', `registry:${id}`, '-m', 'Ada', '--json', ...at)).out).toMatchObject([
      { replyText: 'Ada' },
    ]);
    expect((await viv('run', `registry:${id}`, '-m', 'Ada', '--json')).code).toBe(3);
    vi.stubEnv('VIVARIUM_REGISTRY', registry);
    expect((await viv('registry', 'list', '--json')).out).toMatchObject([{ id }]);
    expect(await viv('run', `registry:${id}`, '-m', 'Ada', '--json')).toMatchObject({
      code: 3,
      out: [{ error: { code: 'REGISTRY_BLOB_MISSING' } }],
    });
    expect((await viv('run', `registry:${id}`, '-m', 'Ada', '--blobs', blobs)).shown).toBe('Ada\n');
    expect(readdirSync(blobs)).toEqual(['sha256']);
  });

  it('ends a check that hangs, with all that it started', async () => {
    const controller = new AbortController();
    const check = checkByCommand('sleep 1000 & echo begun; wait', () => controller.abort());
    // It is over once nobody holds its output any more.
    await expect(check({ bytes: readFileSync(wasm) }, controller.signal)).rejects.toThrow('SIGKILL');
  });
});
