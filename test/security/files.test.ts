import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Quota } from '#core/limits';
import { FileGuard } from '#security/access';
import { Authority, CapabilitySet } from '#security/authority';
import { TestClock } from '../../src/testing/clock.ts';
import { scratchFolder } from './scratch.ts';

const denied = expect.objectContaining({ code: 'SECURITY_PERMISSION_DENIED' });
const failure = (errno: string) =>
  expect.objectContaining({ code: 'SECURITY_FILE_FAILED', details: expect.objectContaining({ errno }) });
const anyFailure = expect.objectContaining({
  code: expect.stringMatching(/^SECURITY_(FILE_FAILED|PERMISSION_DENIED)$/),
});

function scene(grants: readonly string[] = ['filesystem:*:/data/**'], limits = {}) {
  const root = scratchFolder();
  const data = join(root, 'data');
  mkdirSync(join(data, 'sub'), { recursive: true });
  writeFileSync(join(root, 'secret'), 'secret');
  writeFileSync(join(data, 'a.txt'), 'content');
  const capabilities = CapabilitySet.of(grants, new TestClock());
  const authority = new Authority({ component: 'demo/a/1', capabilities });
  const guard = new FileGuard({ authority, preopens: [{ guestPath: '/data', hostPath: data }], ...limits });
  const read = (path: string) => {
    const file = guard.open(path, { read: true });
    try {
      return Buffer.from(file.read(0, 100)).toString();
    } finally {
      file.close();
    }
  };
  return { root, data, guard, read, capabilities };
}

describe('file guard', () => {
  it('reads, writes, lists, moves and removes what is granted', () => {
    const { guard, read, data } = scene();
    expect(read('/data/a.txt')).toBe('content');
    const file = guard.open('/data/sub/b.txt', { write: true, create: true });
    expect(file.write(0, Buffer.from('hello'))).toBe(5);
    file.resize(4);
    expect(file.append(Buffer.from('!'))).toBe(1);
    file.close();
    expect(read('/data/sub/b.txt')).toBe('hell!');
    expect(guard.stat('/data/sub/b.txt')).toMatchObject({ kind: 'file', size: 5 });
    expect(guard.list('/data')).toEqual(
      expect.arrayContaining([
        { name: 'a.txt', kind: 'file' },
        { name: 'sub', kind: 'folder' },
      ]),
    );
    guard.rename('/data/sub/b.txt', '/data/c.txt');
    guard.link('/data/c.txt', '/data/d.txt');
    guard.removeFile('/data/c.txt');
    guard.makeFolder('/data/new');
    guard.removeFolder('/data/sub');
    expect(readdirSync(data).toSorted()).toEqual(['a.txt', 'd.txt', 'new']);
  });

  it('checks every verb and both paths', () => {
    const { guard, data } = scene(['filesystem:read:/data/**', 'filesystem:write:/data/sub/**']);
    writeFileSync(join(data, 'sub', 'own'), 'own');
    const attempts: (() => unknown)[] = [
      () => guard.open('/data/a.txt', { write: true }),
      () => guard.open('/data/new', { create: true }),
      () => guard.open('/data/a.txt', { read: true, truncate: true }),
      () => guard.removeFile('/data/a.txt'),
      () => guard.removeFolder('/data'),
      () => guard.makeFolder('/data/new'),
      () => guard.rename('/data/a.txt', '/data/sub/a.txt'),
      () => guard.rename('/data/sub/own', '/data/own'),
      () => guard.link('/data/a.txt', '/data/sub/a.txt'),
      () => guard.link('/data/sub/own', '/data/own'),
    ];
    for (const each of attempts) expect(each).toThrow(denied);
    expect(readFileSync(join(data, 'a.txt'), 'utf8')).toBe('content');
  });

  it('does not make readable by moving what could only be written', () => {
    const { guard, data } = scene(['filesystem:write:/data/**', 'filesystem:read:/data/sub/**']);
    expect(() => guard.rename('/data/a.txt', '/data/sub/a.txt')).toThrow(denied);
    expect(() => guard.link('/data/a.txt', '/data/sub/a.txt')).toThrow(denied);
    expect(readdirSync(join(data, 'sub'))).toEqual([]);
  });

  it('checks the place that a link leads to, not the link', () => {
    const { guard, read, data } = scene(['filesystem:read:/data/public/**', 'filesystem:read:/data/a.txt']);
    mkdirSync(join(data, 'public'));
    writeFileSync(join(data, 'private'), 'private');
    symlinkSync('../private', join(data, 'public', 'link'));
    symlinkSync('../a.txt', join(data, 'public', 'granted'));
    expect(() => guard.open('/data/public/link', { read: true })).toThrow(denied);
    expect(read('/data/public/granted')).toBe('content');
  });

  it('follows no link out of the preopen, at the end or on the way, for any verb', () => {
    const { guard, data, root } = scene(['filesystem:*:**']);
    symlinkSync('../secret', join(data, 'file-link'));
    symlinkSync('..', join(data, 'folder-link'));
    symlinkSync('/', join(data, 'root-link'));
    symlinkSync('../planted', join(data, 'dangling-out'));
    symlinkSync('loop', join(data, 'loop'));
    for (const path of [
      'file-link',
      'folder-link/secret',
      'folder-link',
      'root-link/etc/passwd',
      'dangling-out',
      'loop',
      'loop/x',
    ]) {
      const guest = `/data/${path}`;
      expect(() => guard.open(guest, { read: true }), path).toThrow(anyFailure);
      expect(() => guard.open(guest, { write: true, create: true }), path).toThrow(anyFailure);
      expect(() => guard.stat(guest), path).toThrow(anyFailure);
      expect(() => guard.list(guest), path).toThrow(anyFailure);
      // A link at the end would be replaced.
      expect(() => guard.rename('/data/a.txt', `${guest}/x`), path).toThrow(anyFailure);
      expect(() => guard.link('/data/a.txt', guest), path).toThrow(anyFailure);
      expect(() => guard.link(guest, '/data/new'), path).toThrow(anyFailure);
    }
    expect(() => guard.makeFolder('/data/folder-link/new')).toThrow(failure('EACCES'));
    expect(() => guard.removeFile('/data/folder-link/secret')).toThrow(failure('EACCES'));
    expect(readdirSync(root).toSorted()).toEqual(['data', 'secret']);
    expect(existsSync(join(data, 'a.txt'))).toBe(true);
  });

  it('tells no link that climbs above the preopen', () => {
    const { guard, data } = scene();
    for (const [name, target] of [
      ['up', '../../home/u/secret'],
      ['sub/up', '../..'],
      ['sub/round', 'x/../../../data/a.txt'],
      ['sub/own', '../a.txt'],
      ['sub/round-own', 'x/../../sub/./y'],
    ] as const) {
      symlinkSync(target, join(data, name));
      const read = () => guard.readLink(`/data/${name}`);
      if (name.endsWith('own')) expect(read()).toBe(target);
      else expect(read, name).toThrow(failure('EPERM'));
    }
  });

  it('changes no folder that was opened, under any name', () => {
    const { guard: plain, data, capabilities } = scene();
    const authority = new Authority({ component: 'demo/a/1', capabilities });
    const sub = join(data, 'sub');
    const preopens = [
      { guestPath: '/data', hostPath: data },
      { guestPath: '/data/other', hostPath: sub },
    ];
    const guard = new FileGuard({ authority, preopens });
    for (const path of ['/data', '/data/sub', '/data/other']) {
      expect(() => guard.removeFolder(path), path).toThrow(failure('EBUSY'));
      expect(() => guard.rename(path, '/data/new'), path).toThrow(failure('EBUSY'));
      expect(() => guard.rename('/data/a.txt', path), path).toThrow(failure('EBUSY'));
    }
    expect(() => plain.removeFolder('/data')).toThrow(failure('EBUSY'));
    expect(existsSync(sub)).toBe(true);
  });

  it('shares a bound of open files with other guards', () => {
    const openFiles = new Quota(3);
    const [one, other] = [scene(undefined, { openFiles }), scene(undefined, { openFiles })];
    const files = [one.guard.open('/data/a.txt', { read: true }), one.guard.open('/data/a.txt', { read: true })];
    other.guard.open('/data/a.txt', { read: true });
    expect(() => other.guard.open('/data/none', { read: true })).toThrow(failure('EMFILE'));
    files[0]?.close();
    expect(() => other.guard.open('/data/none', { read: true })).toThrow(failure('ENOENT'));
    other.guard.open('/data/a.txt', { read: true });
    one.guard.close();
    other.guard.close();
    expect(openFiles.taken).toBe(0);
  });

  it('tells nothing of what exists outside', () => {
    const { guard, data } = scene(['filesystem:*:**']);
    symlinkSync('..', join(data, 'out'));
    const messageOf = (path: string) => {
      try {
        guard.stat(path);
      } catch (error) {
        return String(error).replace(path, '');
      }
      return 'found';
    };
    expect(messageOf('/data/out/secret')).toBe(messageOf('/data/out/absent'));
    expect(messageOf('/data/out/data/a.txt')).toBe(messageOf('/data/out/absent/x'));
  });

  it.each([
    '',
    'data/a.txt',
    '/',
    '/etc/passwd',
    '/database',
    '/data/../secret',
    '/data/sub/../../secret',
    '/data/..',
    '/data\0/a.txt',
    '/data/a.txt\0',
    '/data/%2e%2e/secret',
    '/data/..%2fsecret',
    '\\data\\a.txt',
    `/data/${'x'.repeat(5_000)}`,
    `/data/${'x'.repeat(300)}`,
  ])('refuses the path %j', (path) => {
    const { guard } = scene(['filesystem:*:**']);
    expect(() => guard.open(path, { read: true })).toThrow(anyFailure);
  });

  it('takes slashes in excess for what they are', () => {
    expect(scene().read('//data///a.txt')).toBe('content');
  });

  it('opens regular files only, and never waits for a FIFO', () => {
    const { guard, data } = scene();
    execFileSync('mkfifo', [join(data, 'fifo')]);
    for (const mode of [{ read: true }, { write: true }, { write: true, create: true }]) {
      expect(() => guard.open('/data/fifo', mode)).toThrow(failure('EACCES'));
      expect(() => guard.open('/data/sub', mode)).toThrow(failure('EISDIR'));
    }
    expect(() => guard.link('/data/sub', '/data/sub2')).toThrow(failure('EISDIR'));
    renameSync(join(data, 'fifo'), join(data, 'sub', 'fifo'));
    expect(() => guard.rename('/data/sub', '/data/sub2')).toThrow(failure('EACCES'));
    renameSync(join(data, 'sub', 'fifo'), join(data, 'fifo'));
    expect(() => guard.link('/data/fifo', '/data/fifo2')).toThrow(failure('EACCES'));
    expect(guard.stat('/data/fifo').kind).toBe('other');
  });

  it('does a bounded amount of work in a call', () => {
    const { guard, data } = scene(undefined, { maxBytesPerCall: 4, maxEntries: 5, maxOpen: 2 });
    const file = guard.open('/data/a.txt', { read: true, write: true });
    expect(file.read(0, 2 ** 31)).toEqual(new Uint8Array(Buffer.from('cont')));
    expect(file.write(0, Buffer.alloc(100))).toBe(4);
    const second = guard.open('/data/a.txt', { read: true });
    expect(() => guard.open('/data/a.txt', { read: true })).toThrow(failure('EMFILE'));
    second.close();
    guard.open('/data/a.txt', { read: true });
    for (let i = 0; i < 6; i++) writeFileSync(join(data, 'sub', `f${i}`), '');
    expect(() => guard.list('/data/sub')).toThrow(failure('EOVERFLOW'));
  });

  it('stops the next use of an open file when its grant is revoked', () => {
    const { guard, capabilities } = scene(['filesystem:read:/data/**', 'filesystem:write:/data/**']);
    const file = guard.open('/data/a.txt', { read: true, write: true });
    file.read(0, 1);
    capabilities.revoke('filesystem:read:/data/**');
    expect(() => file.read(0, 1)).toThrow(denied);
    file.write(0, Buffer.from('x'));
    capabilities.revoke('filesystem:write:/data/**');
    expect(() => file.write(0, Buffer.from('x'))).toThrow(denied);
    file.close();
    expect(() => file.read(0, 1)).toThrow(failure('EBADF'));
    file.close();
  });

  it('closes what is open at the end', () => {
    const { guard } = scene();
    const file = guard.open('/data/a.txt', { read: true });
    guard.close();
    expect(() => file.read(0, 1)).toThrow(failure('EBADF'));
  });

  it('says what failed in the paths of the component, never in those of the host', () => {
    const { guard, root, data } = scene();
    linkSync(join(data, 'a.txt'), join(data, 'b.txt'));
    for (const attempt of [
      () => guard.open('/data/none/x', { read: true }),
      () => guard.open('/data/none', { read: true }),
      () => guard.open('/data/a.txt/x', { read: true }),
      () => guard.open('/data/a.txt', { create: true, exclusive: true }),
      () => guard.link('/data/a.txt', '/data/b.txt'),
      () => guard.removeFolder('/data/a.txt'),
      () => guard.list('/data/a.txt'),
    ]) {
      let message = '';
      try {
        attempt();
      } catch (error) {
        message = `${error} ${JSON.stringify(error)}`;
      }
      expect(message).toContain('/data/');
      expect(message).not.toContain(root);
    }
  });

  it('never reads outside, whatever the path', () => {
    const { guard, data } = scene(['filesystem:*:**']);
    symlinkSync('..', join(data, 'up'));
    symlinkSync('../secret', join(data, 'sub', 'up-file'));
    const segment = fc.constantFrom(
      'data',
      'sub',
      'a.txt',
      'up',
      'up-file',
      'secret',
      '..',
      '.',
      '',
      '\0',
      'etc',
      'passwd',
    );
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 7 }), (segments) => {
        try {
          const file = guard.open(`/${segments.join('/')}`, { read: true });
          expect(Buffer.from(file.read(0, 100)).toString()).toBe('content');
          file.close();
        } catch (error) {
          expect(error).toEqual(anyFailure);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
