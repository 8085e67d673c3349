import { execFileSync } from 'node:child_process';
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { AuditEntry } from '#core/ports/audit';
import { scratchFolder } from '../../security/scratch.ts';
import { loadGuest, wasiGuest } from '../../support/wasi-guest.ts';

let component: Uint8Array;
beforeAll(async () => {
  component = await wasiGuest();
});

const WRITE = '{ create: true, truncate: true }, { write: true }';

function folders() {
  const root = scratchFolder();
  const data = join(root, 'data');
  mkdirSync(join(data, 'sub'), { recursive: true });
  writeFileSync(join(root, 'secret'), 'secret');
  writeFileSync(join(data, 'a.txt'), 'content');
  return { root, data };
}

// The same host functions, reached on both ways into a component.
describe.each(['direct', 'glue'] as const)('files on the %s path', (calls) => {
  async function scene(grants: readonly string[] = ['filesystem:*:/data/**'], places = folders()) {
    const entries: AuditEntry[] = [];
    const audit = { append: (entry: AuditEntry) => void entries.push(entry), close: async () => undefined };
    const guest = await loadGuest(
      component,
      calls,
      { preopens: { '/data': places.data }, grants },
      { overrides: { audit } },
    );
    return { ...guest, ...places, entries, [Symbol.asyncDispose]: () => guest.runtime.close() };
  }

  it('are read and written under a folder that load opened, by grants', async () => {
    await using own = await scene();
    const { value, data } = own;
    expect(own.runtime.usage(own.handle).calls).toBe(calls);
    expect(await value('return api.getDirectories().map(([, name]) => name)')).toEqual(['/data']);
    expect(await value('return api.text(api.open("a.txt").read(100, 0)[0])')).toBe('content');
    expect(await value('return api.open("a.txt").read(3, 4).map((part) => part.length ?? part)')).toEqual([3, false]);
    expect(await value('return api.open("a.txt").read(3, 7).map((part) => part.length ?? part)')).toEqual([0, true]);
    await value(`const file = api.open("sub/new", ${WRITE});
      file.write(api.bytes("0123456789"), 0); file.setSize(4);`);
    expect(readFileSync(join(data, 'sub', 'new'), 'utf8')).toBe('0123');
    expect(own.denied).toEqual([]);
  });

  it('are read and written through streams', async () => {
    await using own = await scene();
    const { value, data } = own;
    expect(await value('return api.drain(api.open("a.txt").readViaStream(3))')).toBe('tent');
    await value(`const file = api.open("b.txt", ${WRITE});
      const stream = file.writeViaStream(0);
      stream.blockingWriteAndFlush(api.bytes("first "));
      stream.blockingSplice(api.open("a.txt").readViaStream(0), 100);
      stream.blockingWriteZeroesAndFlush(1);
      file.appendViaStream().write(api.bytes("!"));`);
    expect(readFileSync(join(data, 'b.txt'), 'latin1')).toBe('first content\0!');
    writeFileSync(join(data, 'large'), 'x'.repeat(300_000));
    expect(await value('return api.drain(api.open("large").readViaStream(0)).length')).toBe(300_000);
  });

  it('are listed, made, moved, linked and removed', async () => {
    await using own = await scene();
    const { value, data } = own;
    symlinkSync('a.txt', join(data, 'beside'));
    const list = `const stream = api.root().readDirectory(); const all = [];
      for (let each = stream.readDirectoryEntry(); each !== undefined && each !== null; each = stream.readDirectoryEntry())
        all.push(each.type + ' ' + each.name);
      return all.sort()`;
    expect(await value(list)).toEqual(['directory sub', 'regular-file a.txt', 'symbolic-link beside']);
    await value(`const root = api.root(); const sub = api.open('./sub/.', { directory: true });
      root.createDirectoryAt('made/');
      root.renameAt('a.txt', sub, 'moved');
      root.linkAt({}, 'sub/moved', root, 'linked');
      root.unlinkFileAt('sub/moved');
      root.removeDirectoryAt('sub');`);
    expect(readdirSync(data).toSorted()).toEqual(['beside', 'linked', 'made']);
    expect(readFileSync(join(data, 'linked'), 'utf8')).toBe('content');
    expect(await value('return api.root().readlinkAt("beside")')).toBe('a.txt');
  });

  // What wasmtime answers, recorded from a program in Rust that was run by both.
  it.each([
    ['full', 'moved', undefined],
    ['full/', 'moved', undefined],
    ['full', 'moved/', undefined],
    ['full', 'empty', undefined],
    ['full', 'full', undefined],
    ['full/.', 'moved', 'busy'],
    ['full', 'moved/.', 'busy'],
    ['.', 'moved', 'busy'],
    ['empty', 'full', 'not-empty'],
    ['full', 'a.txt', 'not-directory'],
    ['full', 'full/deep/x', 'invalid'],
    ['a.txt', 'full', 'is-directory'],
    ['a.txt', 'moved/', 'not-directory'],
    ['a.txt/', 'moved', 'not-directory'],
    ['none', 'moved', 'no-entry'],
  ])('move %s to %s with the answer %s', async (from, to, error) => {
    await using own = await scene();
    const { step, data } = own;
    mkdirSync(join(data, 'full/deep'), { recursive: true });
    mkdirSync(join(data, 'empty'));
    const answer = await step(`return api.root().renameAt(${JSON.stringify(from)}, api.root(), ${JSON.stringify(to)})`);
    if (error === undefined) expect(answer).not.toHaveProperty('err');
    else expect(answer).toMatchObject({ err: error });
  });

  it('tell their facts, in whole milliseconds', async () => {
    await using own = await scene();
    const { value, data } = own;
    utimesSync(join(data, 'a.txt'), 1_000.123456, 2_000.987654);
    expect(await value('return api.open("a.txt").stat()')).toMatchObject({
      type: 'regular-file',
      linkCount: 1,
      size: 7,
      dataAccessTimestamp: { seconds: 1_000, nanoseconds: 123_000_000 },
      dataModificationTimestamp: { seconds: 2_000, nanoseconds: 987_000_000 },
    });
    expect(await value('return api.root().statAt({}, "sub").type')).toBe('directory');
    expect(await value('return [api.root().getType(), api.open("a.txt").getType()]')).toEqual([
      'directory',
      'regular-file',
    ]);
    expect(await value('return api.open("a.txt").isSameObject(api.open("sub/../a.txt".slice(7)))')).toBe(true);
    expect(await value('return api.open("a.txt").isSameObject(api.root())')).toBe(false);
    const hash = 'return JSON.stringify(api.root().metadataHashAt({}, "a.txt"))';
    const before = await value(hash);
    expect(await value(hash)).toBe(before);
    await value(`api.open("a.txt", {}, { write: true }).setTimes(
      { tag: 'no-change' }, { tag: 'timestamp', val: { seconds: 5, nanoseconds: 6000000 } })`);
    expect(await value('return api.root().statAt({ symlinkFollow: true }, "a.txt")')).toMatchObject({
      dataAccessTimestamp: { seconds: 1_000 },
      dataModificationTimestamp: { seconds: 5, nanoseconds: 6_000_000 },
    });
    expect(await value(hash)).not.toBe(before);
  });

  it('are refused without a grant: the guest is told, an event and the audit log too', async () => {
    await using own = await scene(['filesystem:read:/data/sub/**']);
    const { step, data } = own;
    const attempts = [
      'api.open("a.txt")',
      `api.open("sub/new", ${WRITE})`,
      'api.root().readDirectory()',
      'api.root().unlinkFileAt("a.txt")',
      'api.root().createDirectoryAt("made")',
      'api.root().renameAt("a.txt", api.root(), "sub/a.txt")',
      'api.root().statAt({}, "a.txt")',
    ];
    for (const attempt of attempts) expect(await step(`return ${attempt}`), attempt).toMatchObject({ err: 'access' });
    expect(readdirSync(data).toSorted()).toEqual(['a.txt', 'sub']);
    expect(own.denied).toContain('filesystem:read:/data/a.txt');
    expect(own.denied).toContain('filesystem:write:/data/sub/new');
    const refusals = own.entries.filter(({ outcome }) => outcome === 'denied');
    expect(refusals).toHaveLength(attempts.length);
    // What is tried again is counted, and told later.
    expect(own.denied).toHaveLength(new Set(refusals.map(({ action, target }) => `${action} ${target}`)).size);
    expect(own.entries).toContainEqual(
      expect.objectContaining({ action: 'filesystem:read', target: '/data/a.txt', outcome: 'denied' }),
    );
  });

  it('stop at the next use of an open file or stream when the grant is revoked', async () => {
    await using own = await scene(['filesystem:read:/data/**']);
    await own.value('kept.file = api.open("a.txt"); kept.stream = kept.file.readViaStream(0)');
    expect(await own.value('return api.text(kept.file.read(3, 0)[0])')).toBe('con');
    own.runtime.revoke(own.handle, 'filesystem:read:/data/**');
    expect(await own.step('return kept.file.read(3, 0)')).toMatchObject({ err: 'access' });
    expect(await own.step('return kept.stream.read(3)')).toMatchObject({ err: { tag: 'last-operation-failed' } });
    expect(
      await own.value(
        'try { kept.stream.read(3) } catch (error) { return api.filesystemErrorCode(error.payload.val) }',
      ),
    ).toBe('access');
  });

  it('lead nowhere else: no absolute path, no .. and no link out, none made that leads out', async () => {
    await using own = await scene(['filesystem:*:**']);
    const { step, data, root } = own;
    symlinkSync('../secret', join(data, 'out'));
    symlinkSync('..', join(data, 'up'));
    symlinkSync('/', join(data, 'top'));
    for (const path of ['/etc/passwd', '../secret', 'sub/../../secret']) {
      expect(await step(`return api.open(${JSON.stringify(path)})`), path).toMatchObject({ err: 'not-permitted' });
    }
    for (const path of ['out', 'up/secret', 'top/etc/passwd']) {
      expect(await step(`return api.open(${JSON.stringify(path)})`), path).toMatchObject({ err: 'access' });
      expect(await step(`return api.open(${JSON.stringify(path)}, ${WRITE})`), path).toMatchObject({ err: 'access' });
    }
    expect(await step('return api.root().openAt({}, "out", {}, { read: true })')).toMatchObject({ err: 'loop' });
    expect(await step('return api.open("a.txt/..")')).toMatchObject({ err: 'not-directory' });
    expect(await step('return api.root().symlinkAt("../secret", "made")')).toMatchObject({ err: 'not-permitted' });
    expect(await step('return api.root().symlinkAt("/etc/passwd", "made")')).toMatchObject({ err: 'not-permitted' });
    expect(await step('return api.root().readlinkAt("top")')).toMatchObject({ err: 'not-permitted' });
    expect(readdirSync(root).toSorted()).toEqual(['data', 'secret']);
    expect(readFileSync(join(root, 'secret'), 'utf8')).toBe('secret');
  });

  it('are regular: a FIFO is refused at once, in any mode', async () => {
    await using own = await scene();
    execFileSync('mkfifo', [join(own.data, 'fifo')]);
    for (const how of ['{}, { read: true }', '{}, { write: true }', '{}, { read: true, write: true }', WRITE]) {
      expect(await own.step(`return api.open("fifo", ${how})`), how).toMatchObject({ err: 'access' });
    }
    expect(await own.value('return api.root().statAt({}, "fifo").type')).toBe('unknown');
  });

  it('answer what WASI says for what is used wrongly', async () => {
    await using own = await scene();
    const { step } = own;
    expect(await step('return api.open("none")')).toMatchObject({ err: 'no-entry' });
    expect(await step('return api.open("")')).toMatchObject({ err: 'no-entry' });
    expect(await step('return api.open("a.txt/x")')).toMatchObject({ err: 'not-directory' });
    expect(await step('return api.open("a.txt", { directory: true })')).toMatchObject({ err: 'not-directory' });
    expect(await step('return api.open("sub", {}, { write: true })')).toMatchObject({ err: 'is-directory' });
    expect(await step('return api.open("sub", { create: true, directory: true })')).toMatchObject({ err: 'invalid' });
    expect(await step('return api.open("a.txt", { create: true, exclusive: true })')).toMatchObject({ err: 'exist' });
    expect(await step('return api.root().read(1, 0)')).toMatchObject({ err: 'is-directory' });
    expect(await step('return api.open("a.txt").write(api.bytes("x"), 0)')).toMatchObject({ err: 'bad-descriptor' });
    expect(await step('return api.open("a.txt").readDirectory()')).toMatchObject({ err: 'not-directory' });
    expect(await step('return api.open("sub").getType()')).toMatchObject({ ok: 'directory' });
  });

  it('are flushed to the disk, which a turn that cannot wait is told is not to be had', async () => {
    await using own = await scene();
    const expected = calls === 'glue' ? { err: 'unsupported' } : { ok: null };
    await own.value('kept.file = api.open("new.txt", { create: true }, { read: true, write: true })');
    await own.value('kept.file.write(api.bytes("kept"), 0)');
    for (const flush of ['kept.file.sync()', 'kept.file.syncData()', 'api.open("a.txt").sync()', 'api.root().sync()']) {
      expect(await own.step(flush), flush).toMatchObject(expected);
    }
    own.runtime.revoke(own.handle, 'filesystem:*:/data/**');
    const refused = calls === 'glue' ? expected : { err: 'access' };
    for (const flush of ['kept.file.sync()', 'api.root().syncData()']) {
      expect(await own.step(flush), flush).toMatchObject(refused);
    }
  });

  it('are bounded in number, and closed with the store', async () => {
    await using own = await scene();
    const open = 'kept.files ??= []; for (let i = 0; i < 100; i++) kept.files.push(api.open("a.txt"))';
    expect(await own.step(open)).toMatchObject({ err: 'insufficient-memory' });
    expect(await own.value('return kept.files.length')).toBe(64);
    const opened = (): number =>
      readdirSync('/proc/self/fd').filter((fd) => linkOf(fd).startsWith(join(own.data, 'a.txt'))).length;
    expect(opened()).toBe(64);
    await own.value('kept.files.pop()[Symbol.dispose]()');
    expect(opened()).toBe(63);
    await own.runtime.unload(own.handle);
    expect(opened()).toBe(0);
  });

  it('are not there any more when the folder is gone', async () => {
    await using own = await scene();
    await own.value('kept.file = api.open("a.txt")');
    rmSync(own.data, { recursive: true });
    expect(await own.step('return api.open("a.txt")')).toMatchObject({ err: 'no-entry' });
    expect(await own.value('return api.text(kept.file.read(3, 0)[0])')).toBe('con');
  });

  it('may have two names of one place, each judged where it leads', async () => {
    await using own = await scene(['filesystem:read:/data/sub/**']);
    linkSync(join(own.data, 'a.txt'), join(own.data, 'sub', 'hard'));
    symlinkSync('../a.txt', join(own.data, 'sub', 'soft'));
    expect(await own.value('return api.text(api.open("sub/hard").read(9, 0)[0])')).toBe('content');
    expect(await own.step('return api.open("sub/soft")')).toMatchObject({ err: 'access' });
  });
});

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}

describe('a folder to open', () => {
  it.each<Record<string, string>>([
    { data: '.' },
    { '/data/../etc': '.' },
    { '/data/': '.' },
    { '': '.' },
    { '/data': './no such folder' },
    { '/data': 'package.json' },
  ])('%j is refused', async (preopens) => {
    await expect(loadGuest(component, 'direct', { preopens })).rejects.toMatchObject({
      code: 'SECURITY_INVALID_PREOPEN',
    });
  });
});
