import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readDatabase, writeDatabase } from '../../tools/bundle/source-database.ts';
import { actor } from '../../tools/components/actor-wat.ts';
import { OciRegistry } from '../support/oci-registry.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { viv } from './viv.ts';

async function run(args: readonly string[], terminal: boolean) {
  const ran = await viv(['cache', ...args], { terminal });
  // biome-ignore lint/suspicious/noExplicitAny: the tests say which fields they expect.
  return { ...ran, json: ran.objects[0] as any };
}

const cache = (...args: readonly string[]) => run(args, false);

let folder: ReturnType<typeof temporaryFolder>;
const names = ['VIVARIUM_CACHE_DIR', 'VIVARIUM_HOME', 'VIVARIUM_CACHE_TOKEN', 'MACHE_CACHE_TOKEN', 'SOURCE_DATE_EPOCH'];
const before = new Map(names.map((name) => [name, process.env[name]]));
beforeEach(() => {
  folder = temporaryFolder();
  for (const name of names) delete process.env[name];
  process.env.VIVARIUM_CACHE_DIR = folder.at('cache');
  process.env.VIVARIUM_HOME = folder.at('home');
  const source = (path: string, text: string) => ({
    id: path,
    path,
    language: 'go',
    content: new Uint8Array(Buffer.from(text)),
  });
  writeDatabase(folder.at('in.db'), { sources: [source('a.go', 'package a'), source('b.go', '')] });
});
afterEach(() => {
  for (const [name, value] of before) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  folder[Symbol.dispose]();
});

describe('viv cache push and pull', () => {
  it('carry a database through a folder', async () => {
    const pushed = await cache('push', '--db', folder.at('in.db'), folder.at('out'), '--json');
    expect(pushed).toMatchObject({
      code: 0,
      json: { producer: 'mache', chunks: 2, chunksAdded: 2, leftOut: [], dryRun: false },
    });
    const pulled = await cache('pull', '--out-db', folder.at('out.db'), folder.at('out'), '--json');
    expect(pulled).toMatchObject({ code: 0, json: { root: pushed.json.root, restored: { chunks: 2 } } });
    expect(readDatabase(folder.at('out.db'))).toEqual(readDatabase(folder.at('in.db')));
    expect((await cache('pull', '--out-db', folder.at('out.db'), folder.at('out'))).code).toBe(4);
    expect((await cache('pull', '--force', '--out-db', folder.at('out.db'), folder.at('out'))).code).toBe(0);
  });

  it('carry a database through a registry, and say what would be sent', async () => {
    await using registry = await OciRegistry.start();
    const remote = ['--remote', registry.url, '--scope', 'repo/abc'];
    const push = ['push', '--db', folder.at('in.db'), folder.at('out'), ...remote, '--json'];
    expect((await cache(...push, '--dry-run')).json).toMatchObject({
      dryRun: true,
      chunksAdded: 2,
      remote: { sent: 3 },
    });
    expect(existsSync(folder.at('out'))).toBe(false);
    expect(registry.manifests.size).toBe(0);
    expect((await cache(...push)).json).toMatchObject({ remote: { sent: 3, tag: 'latest', unchanged: false } });
    expect((await cache(...push)).json).toMatchObject({ remote: { sent: 0, unchanged: true } });
    const pulled = await cache('pull', '--out-db', folder.at('out.db'), ...remote, '--json');
    expect(pulled).toMatchObject({ code: 0, json: { fetched: { fetched: 2, digestMode: 'sha256' } } });
    expect(readDatabase(folder.at('out.db'))).toEqual(readDatabase(folder.at('in.db')));
  });

  it('sign a bundle, and refuse one that no trusted key signed, through a registry and a folder', async () => {
    await using registry = await OciRegistry.start();
    const remote = ['--remote', registry.url, '--scope', 'repo/abc'];
    const push = ['push', '--db', folder.at('in.db'), folder.at('out'), ...remote, '--json'];
    const pull = (...from: string[]) =>
      cache('pull', '--force', '--out-db', folder.at('out.db'), ...from, '--trust', 'signed', '--json');
    await cache(...push);
    expect(await pull(...remote)).toMatchObject({ code: 4, json: { error: { code: 'BUNDLE_UNTRUSTED' } } });
    expect(await pull(folder.at('out'))).toMatchObject({ code: 4, json: { error: { code: 'BUNDLE_UNTRUSTED' } } });
    expect((await cache(...push, '--sign', 'nobody')).code).toBe(3);
    await viv(['key', 'new', 'ci']);
    expect((await cache(...push, '--sign', 'ci')).json).toMatchObject({ signedBy: 'ci', remote: { signed: true } });
    expect(await pull(...remote)).toMatchObject({ code: 0, json: { signers: [{ name: 'ci' }] } });
    expect(await pull(folder.at('out'))).toMatchObject({ code: 0, json: { signers: [{ name: 'ci' }] } });
    expect((await cache('inspect', folder.at('out'))).out).toMatch(/signed by: {2}ci \([0-9a-f]{64}\)/);
    await viv(['key', 'revoke', 'ci']);
    expect((await pull(...remote)).code).toBe(4);
    expect((await cache('inspect', folder.at('out'))).out).toMatch(/signed by: {2}nobody who is trusted.*ci: revoked/);
  });

  it('pin the time by SOURCE_DATE_EPOCH', async () => {
    process.env.SOURCE_DATE_EPOCH = '1000';
    await cache('push', '--db', folder.at('in.db'), folder.at('out'));
    expect((await cache('inspect', folder.at('out'), '--json')).json).toMatchObject({ generatedAtMs: 1_000_000 });
  });

  it('believe the folder with --verify=false, and hash it otherwise', async () => {
    await cache('push', '--db', folder.at('in.db'), folder.at('out'));
    const { entries } = (await cache('inspect', folder.at('out'), '--json')).json;
    const { chunkHash } = entries[0];
    writeFileSync(folder.at('out', 'objects', chunkHash.slice(0, 2), chunkHash.slice(2)), 'package X');
    expect((await cache('pull', '--out-db', folder.at('a.db'), folder.at('out'), '--json')).json.error.code).toBe(
      'BUNDLE_CHUNK_CORRUPT',
    );
    expect((await cache('pull', '--verify=false', '--out-db', folder.at('b.db'), folder.at('out'))).code).toBe(0);
    expect(Buffer.from(readDatabase(folder.at('b.db')).sources[0]?.content ?? []).toString()).toBe('package X');
  });

  it('name what is left out, and refuse it with --strict', async () => {
    writeDatabase(folder.at('left.db'), {
      sources: [
        { id: 'a', path: 'a', language: 'go', content: new Uint8Array(1) },
        { id: 'b', path: 'b', language: 'go', content: null },
      ],
    });
    const lax = await cache('push', '--db', folder.at('left.db'), folder.at('out'));
    expect(lax).toMatchObject({ code: 0, err: expect.stringContaining('left out: source "b": it has no content') });
    expect(await cache('push', '--strict', '--db', folder.at('left.db'), folder.at('strict'), '--json')).toMatchObject({
      code: 4,
      json: { error: { code: 'BUNDLE_LEFT_OUT' } },
    });
  });

  it('carry the artifact cache to a machine that trusts the key, and to one that builds for itself', async () => {
    await writeFile(folder.at('actor.wasm'), await actor());
    expect((await cache('warmup', folder.at('actor.wasm'))).code).toBe(0);
    await viv(['key', 'new', 'builder']);
    const out = folder.at('bundle');
    expect((await cache('push', out, '--key', 'builder', '--json')).json).toMatchObject({
      producer: 'vivarium',
      chunks: 2,
    });
    process.env.VIVARIUM_CACHE_DIR = folder.at('second');
    expect((await cache('pull', out, '--json')).json.artifacts).toMatchObject({ imported: 1, rebuilt: 0 });
    expect((await cache('warmup', folder.at('actor.wasm'), '--json')).out).toContain('"ready":1');
    // Another user, who trusts nobody.
    process.env.VIVARIUM_HOME = folder.at('another-home');
    process.env.VIVARIUM_CACHE_DIR = folder.at('third');
    expect(await cache('pull', out, '--json')).toMatchObject({
      code: 4,
      json: { error: { code: 'BUNDLE_UNTRUSTED' } },
    });
    process.env.VIVARIUM_HOME = folder.at('home');
    process.env.VIVARIUM_CACHE_DIR = folder.at('cache');
    await cache('push', out, '--component', folder.at('actor.wasm'));
    process.env.VIVARIUM_HOME = folder.at('another-home');
    process.env.VIVARIUM_CACHE_DIR = folder.at('third');
    expect((await cache('pull', out, '--json')).json.artifacts).toMatchObject({ imported: 0, rebuilt: 1 });
  });
});

describe('viv cache verify and inspect', () => {
  it('tell absent, damaged, unreachable and unauthorised apart by their exit codes', async () => {
    const registry = await OciRegistry.start();
    const verify = ['verify', '--remote', registry.url, '--scope', 'repo/abc', '--json'];
    expect((await cache(...verify)).code).toBe(3);
    await cache('push', '--db', folder.at('in.db'), '--remote', registry.url, '--scope', 'repo/abc');
    expect(await cache(...verify)).toMatchObject({ code: 0, json: { producer: 'mache', chunks: 2, checked: 2 } });
    const key = [...registry.blobs.keys()].find(
      (name) => registry.blobs.get(name)?.toString() === 'package a',
    ) as string;
    registry.blobs.set(key, Buffer.from('package x'));
    expect((await cache(...verify)).code).toBe(4);
    registry.faults.push((_, response) => {
      response.writeHead(401).end();
      return true;
    });
    expect((await cache(...verify)).code).toBe(6);
    await registry[Symbol.asyncDispose]();
    expect((await cache(...verify)).code).toBe(5);
  });

  it('compare a committed lockfile with the working tree', async () => {
    await cache('push', '--db', folder.at('in.db'), folder.at('out'));
    writeFileSync(folder.at('a.go'), 'package a');
    writeFileSync(folder.at('b.go'), '');
    const lock = folder.at('out', 'mache.lock.toml');
    expect((await cache('verify', lock, '--tree', folder.path, '--json')).json).toMatchObject({ fresh: 2 });
    writeFileSync(folder.at('new.go'), 'package new');
    expect((await cache('verify', lock, '--tree', folder.path, '--json')).json.error).toMatchObject({
      code: 'BUNDLE_STALE',
      changed: 0,
      added: 1,
    });
    writeFileSync(folder.at('b.go'), 'changed');
    expect((await cache('verify', lock, '--tree', folder.path, '--json')).json.error).toMatchObject({
      code: 'BUNDLE_STALE',
      changed: 1,
    });
  });

  it('show a folder and a bare lockfile', async () => {
    await cache('push', '--db', folder.at('in.db'), folder.at('out'));
    const shown = await cache('inspect', folder.at('out'));
    expect(shown.out).toMatch(/producer: {3}mache .*\n.*schema: {5}0\.1\.0\n/);
    expect(shown.out).toMatch(/2 present \(9 bytes; 2 raw, 0 with syntax trees\), 0 missing/);
    writeFileSync(folder.at('bare.lock.bin'), readFileSync(folder.at('out', 'mache.lock.bin')));
    expect((await cache('inspect', folder.at('bare.lock.bin'), '--json')).json).toMatchObject({
      producer: 'mache',
      chunks: { present: 0 },
    });
    expect((await cache('inspect', 'test/fixtures/build-cache-v1/lockfile-config.bin', '--json')).json).toMatchObject({
      edges: 1,
    });
    expect((await cache('inspect', folder.at('out', 'mache.lock.bin'), '--producer', 'other')).code).toBe(4);
    expect((await cache('inspect', folder.at('nothing'))).code).toBe(3);
  });
});

describe('tokens', () => {
  it('come from the file, then the option, then the environment; an empty file is an error', async () => {
    await using registry = await OciRegistry.start();
    const push = ['push', '--db', folder.at('in.db'), '--remote', registry.url, '--scope', 'repo/abc'];
    const sent = async (...more: string[]) => {
      registry.seen.length = 0;
      const { code, out, err } = await cache(...push, ...more);
      expect(out + err).not.toMatch(/from-(file|option|vivarium|mache)/);
      return code === 0 ? new Set(registry.seen.map(({ authorization }) => authorization)) : code;
    };
    expect(await sent()).toEqual(new Set([undefined]));
    process.env.MACHE_CACHE_TOKEN = 'from-mache';
    expect(await sent()).toEqual(new Set(['Bearer from-mache']));
    process.env.VIVARIUM_CACHE_TOKEN = 'from-vivarium';
    expect(await sent()).toEqual(new Set(['Bearer from-vivarium']));
    expect(await sent('--token', 'from-option')).toEqual(new Set(['Bearer from-option']));
    writeFileSync(folder.at('token'), '  from-file \nsecond line\n');
    expect(await sent('--token', 'from-option', '--token-file', folder.at('token'))).toEqual(
      new Set(['Bearer from-file']),
    );
    for (const text of ['', '\ntoken in the second line']) {
      writeFileSync(folder.at('token'), text);
      expect(await sent('--token-file', folder.at('token'))).toBe(2);
    }
    expect(await sent('--token-file', folder.at('absent'))).toBe(2);
  });
});

describe('wrong usage', () => {
  it.each([
    ['a remote without a scope', ['push', '--db', 'x', '--remote', 'http://localhost']],
    ['a scope without a remote', ['pull', 'x', '--scope', 'a']],
    ['nowhere to push to', ['push', '--db', 'IN']],
    ['a password in the address', ['verify', '--remote', 'https://me:secret@localhost', '--scope', 'a']],
    ['a scope in capitals', ['verify', '--remote', 'https://localhost', '--scope', 'A']],
    ['a tag with a slash', ['verify', '--remote', 'https://localhost', '--scope', 'a', '--ref', 'a/b']],
    ['no concurrency', ['verify', '--remote', 'https://localhost', '--scope', 'a', '--concurrency', '0']],
    ['nothing to verify', ['verify']],
    ['another digest mode', ['push', '--digest-mode', 'md5', 'x']],
  ])('%s', async (_, args) => {
    const { code, out, err } = await cache(
      ...args.map((argument) => (argument === 'IN' ? folder.at('in.db') : argument)),
    );
    expect(code).toBe(2);
    expect(out + err).not.toContain('secret');
  });

  it('help shows all the commands of the cache', async () => {
    const { out } = await cache('--help');
    for (const name of ['stats', 'doctor', 'warmup', 'prune', 'path', 'push', 'pull', 'verify', 'inspect']) {
      expect(out).toMatch(new RegExp(`^ {2}${name}\\b`, 'm'));
    }
  });

  it('shows progress on a terminal only', async () => {
    const args = ['push', '--db', folder.at('in.db'), folder.at('out')];
    expect((await run(args, true)).err).toMatch(/█.* 2\/2 packing 9 bytes/);
    expect((await run(args, false)).err).toBe('');
  });
});
