import { existsSync, mkdirSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FileGuard } from '#security/access';
import { Authority, CapabilitySet } from '#security/authority';
import { TestClock } from '../../src/testing/clock.ts';
import { scratchFolder } from './scratch.ts';

const failure = (errno: string) =>
  expect.objectContaining({ code: 'SECURITY_FILE_FAILED', details: expect.objectContaining({ errno }) });

function scene() {
  // The way that the host itself names it, so that real paths are comparable.
  const root = realpathSync(scratchFolder());
  const data = join(root, 'data');
  mkdirSync(data);
  writeFileSync(join(root, 'secret'), 'secret');
  const capabilities = CapabilitySet.of(['filesystem:*:**'], new TestClock());
  const authority = new Authority({ component: 'demo/a/1', capabilities });
  const guard = new FileGuard({ authority, preopens: [{ guestPath: '/data', hostPath: data }] });
  const read = (path: string): string => {
    const file = guard.open(path, { read: true });
    try {
      return Buffer.from(file.read(0, 100)).toString();
    } finally {
      file.close();
    }
  };
  return { root, data, guard, read };
}

/** A folder's content: a folder, a file (its text), or a link. */
type Tree = { readonly [name: string]: Tree | string | { readonly to: string } };
type Found = { readonly at: string; readonly kind: 'folder' | 'file' } | 'EACCES' | 'ENOENT' | 'ENOTDIR' | 'ELOOP';

const isLink = (node: Tree[string]): node is { readonly to: string } =>
  typeof node === 'object' && typeof node.to === 'string';

/** How openat2(2) with RESOLVE_BENEATH resolves a path: one segment after the other, never above the root. */
function resolved(root: Tree, path: string): Found {
  const way: { name: string; node: Tree | string }[] = [];
  const left = path.split('/').toReversed();
  for (let links = 0; left.length > 0; ) {
    const name = left.pop() as string;
    if (name === '' || name === '.') continue;
    const here = way.at(-1)?.node ?? root;
    if (name === '..') {
      if (way.pop() === undefined) return 'EACCES';
      continue;
    }
    if (typeof here === 'string') return 'ENOTDIR';
    const node = Object.hasOwn(here, name) ? here[name] : undefined;
    if (node === undefined) return 'ENOENT';
    if (!isLink(node)) {
      if (typeof node === 'string' && left.length > 0) return 'ENOTDIR';
      way.push({ name, node });
    } else if (node.to.startsWith('/')) return 'EACCES';
    else {
      links += 1;
      if (links > 40) return 'ELOOP';
      left.push(...node.to.split('/').toReversed());
    }
  }
  const kind = typeof (way.at(-1)?.node ?? root) === 'string' ? 'file' : 'folder';
  return { at: ['/data', ...way.map(({ name }) => name)].join('/'), kind };
}

function made(folder: string, tree: Tree): void {
  for (const [name, node] of Object.entries(tree)) {
    const place = join(folder, name);
    if (typeof node === 'string') writeFileSync(place, node);
    else if (isLink(node)) symlinkSync(node.to, place);
    else {
      mkdirSync(place);
      made(place, node);
    }
  }
}

const name = fc.constantFrom('a', 'b', 'c', 'd');
const path = fc
  .array(fc.oneof(name, fc.constantFrom('..', '.')), { minLength: 1, maxLength: 6 })
  .map((all) => all.join('/'));
const target = fc.oneof(path, fc.constantFrom('/', '/a', '../secret', '../data/a'));
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.dictionary(
    name,
    fc.oneof(
      { maxDepth: 3 },
      fc.constant('content'),
      target.map((to) => ({ to })),
      tie('tree'),
    ),
    { maxKeys: 4, noNullPrototype: true },
  ) as fc.Arbitrary<Tree>,
}));

describe('links and .. within a preopen', () => {
  it('make a file exist that is to be made anew, also where they lead nowhere, as O_EXCL says', () => {
    const { guard, data } = scene();
    symlinkSync('nowhere', join(data, 'dangling'));
    writeFileSync(join(data, 'file'), '');
    symlinkSync('file', join(data, 'link'));
    symlinkSync('../secret', join(data, 'escape'));
    for (const name of ['dangling', 'link', 'escape'])
      expect(() => guard.open(`/data/${name}`, { write: true, create: true, exclusive: true })).toThrow(
        failure('EEXIST'),
      );
    expect(readdirSync(data)).not.toContain('nowhere');
    guard.open('/data/dangling', { write: true, create: true }).close();
    expect(readdirSync(data)).toContain('nowhere');
  });

  it('lead where openat2 with RESOLVE_BENEATH says, and where the system itself does', () => {
    const { guard, data } = scene();
    fc.assert(
      fc.property(tree, fc.array(path, { minLength: 4, maxLength: 12 }), (content, paths) => {
        rmSync(data, { recursive: true, force: true });
        mkdirSync(data);
        made(data, content);
        for (const each of paths) {
          const wanted = resolved(content, each);
          let found: unknown;
          try {
            const { kind } = guard.stat(`/data/${each}`);
            const at = kind === 'folder' ? guard.folder(`/data/${each}`) : undefined;
            found = { kind, ...(at === undefined ? {} : { at }) };
          } catch (error) {
            found = (error as { details: { errno: string } }).details.errno;
          }
          if (typeof wanted === 'string') expect(found, each).toBe(wanted);
          else {
            expect(found, each).toEqual(wanted.kind === 'folder' ? wanted : { kind: 'file' });
            expect(realpathSync.native(`${data}/${each}`)).toBe(join(data, wanted.at.slice('/data'.length)));
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it('are judged by the place that they lead to', () => {
    const { guard, read, data } = scene();
    made(data, {
      sub: { deep: {} },
      'a.txt': 'content',
      into: { to: 'sub/deep' },
      out: { to: '..' },
      round: { to: '../data/a.txt' },
    });
    expect(read('/data/sub/../a.txt')).toBe('content');
    expect(read('/data/into/../../a.txt')).toBe('content');
    expect(guard.folder('/data/into/..')).toBe('/data/sub');
    for (const outside of ['/data/../secret', '/data/out/secret', '/data/round', '/data/into/../../../secret']) {
      expect(() => read(outside), outside).toThrow(failure('EACCES'));
    }
    const file = guard.open('/data/into/../made.txt', { write: true, create: true });
    file.close();
    expect(existsSync(join(data, 'sub/made.txt'))).toBe(true);
  });

  it('make a file where a link leads that leads to none yet', () => {
    const { guard, data, root } = scene();
    made(data, { there: { to: 'new' }, out: { to: '../planted' } });
    guard.open('/data/there', { write: true, create: true }).close();
    expect(existsSync(join(data, 'new'))).toBe(true);
    expect(() => guard.open('/data/out', { write: true, create: true })).toThrow(failure('EACCES'));
    expect(existsSync(join(root, 'planted'))).toBe(false);
  });

  it('are made and moved by a component where they climb to no place above the preopen', () => {
    const { guard, read, data } = scene();
    made(data, { sub: {}, 'a.txt': 'content' });
    guard.makeLink('../a.txt', '/data/sub/link');
    expect(read('/data/sub/link')).toBe('content');
    expect(guard.readLink('/data/sub/link')).toBe('../a.txt');
    guard.rename('/data/sub/link', '/data/moved');
    expect(() => read('/data/moved')).toThrow(failure('EACCES'));
    for (const [to, errno] of [
      ['/etc/passwd', 'EPERM'],
      ['../secret', 'EPERM'],
      ['a/../../x', 'EPERM'],
      ['', 'EINVAL'],
    ] as const) {
      expect(() => guard.makeLink(to, '/data/other'), to).toThrow(failure(errno));
    }
    expect(() => guard.makeLink('x', '/data/a.txt')).toThrow(failure('EEXIST'));
    expect(() => guard.link('/data/moved', '/data/hard')).toThrow(failure('ELOOP'));
  });

  it('keep no descriptor open behind any outcome', () => {
    const { guard, read, data } = scene();
    made(data, { sub: { 'a.txt': 'content' }, loop: { to: 'loop' } });
    // Of Linux alone; elsewhere no folder is open.
    const open = (): number => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0);
    const before = open();
    for (let n = 0; n < 50; n++) {
      read('/data/sub/../sub/a.txt');
      for (const wrong of ['/data/none', '/data/sub/none/x', '/data/loop/x', '/data/../x', '/data/sub/a.txt/x']) {
        expect(() => guard.stat(wrong)).toThrow();
        expect(() => guard.removeFile(wrong)).toThrow();
        expect(() => guard.rename('/data/sub/a.txt', `${wrong}/x`)).toThrow();
      }
      expect(() => guard.removeFolder('/data')).toThrow();
    }
    expect(open()).toBe(before);
  });

  it('lead nowhere else, whatever another process puts in the place of a folder meanwhile', async () => {
    const { guard, data, root } = scene();
    made(data, { sub: { secret: 'mine' } });
    mkdirSync(join(root, 'planted'));
    const stop = new Int32Array(new SharedArrayBuffer(8));
    // Swaps the folder for a link that leads out, and back.
    const swapping = new Worker(
      `const { renameSync, symlinkSync, unlinkSync } = require('node:fs');
       const { stop, data } = require('node:worker_threads').workerData;
       while (Atomics.load(stop, 0) === 0) {
         renameSync(data + '/sub', data + '/aside');
         symlinkSync('..', data + '/sub');
         unlinkSync(data + '/sub');
         renameSync(data + '/aside', data + '/sub');
         Atomics.add(stop, 1, 1);
         Atomics.notify(stop, 1);
       }`,
      { eval: true, workerData: { stop, data } },
    );
    const ended = new Promise((resolve) => swapping.on('exit', resolve));
    Atomics.wait(stop, 1, 0, 60_000);
    const seen = new Set<string>();
    for (let n = 0; n < 3_000; n++) {
      try {
        const file = guard.open('/data/sub/secret', { read: true });
        seen.add(Buffer.from(file.read(0, 100)).toString());
        file.close();
      } catch (error) {
        seen.add((error as { details: { errno: string } }).details.errno);
      }
      try {
        guard.open(`/data/sub/planted/${n}`, { write: true, create: true }).close();
        seen.add('planted');
      } catch {}
    }
    Atomics.store(stop, 0, 1);
    await ended;
    for (const each of seen) expect(['mine', 'EACCES', 'ENOENT', 'ENOTDIR', 'EINVAL', 'ELOOP']).toContain(each);
  });
});
