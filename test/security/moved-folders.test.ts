import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Preopen } from '#core/ports/files';
import { FileGuard } from '#security/access';
import { Authority, CapabilitySet } from '#security/authority';
import { TestClock } from '../../src/testing/clock.ts';
import { scratchFolder } from './scratch.ts';

const failure = (errno: string) =>
  expect.objectContaining({ code: 'SECURITY_FILE_FAILED', details: expect.objectContaining({ errno }) });

interface Scene {
  readonly grants?: readonly string[];
  readonly maxEntries?: number;
  readonly checkTime?: () => void;
  readonly preopens?: (data: string) => readonly Preopen[];
}

function scene(
  files: readonly string[],
  { grants = ['filesystem:*:/**'], maxEntries, preopens, checkTime }: Scene = {},
) {
  const data = join(scratchFolder(), 'data');
  mkdirSync(data);
  for (const file of files) {
    mkdirSync(join(data, dirname(file)), { recursive: true });
    writeFileSync(join(data, file), file);
  }
  const capabilities = CapabilitySet.of(grants, new TestClock());
  const authority = new Authority({ component: 'demo/a/1', capabilities });
  const opened = preopens?.(data) ?? [{ guestPath: '/data', hostPath: data }];
  return { data, guard: new FileGuard({ authority, preopens: opened, maxEntries, checkTime }) };
}

/** The grants by which a component may move one file from `from` to `to`. */
const ofMove = (path: string): readonly string[] => [
  `filesystem:read:/data/from/${path}`,
  `filesystem:write:/data/from/${path}`,
  `filesystem:write:/data/to/${path}`,
];

describe('a folder that a component moves', () => {
  it('is moved with all that it holds', () => {
    const { data, guard } = scene(['from/a', 'from/deep/er/b']);
    symlinkSync('a', join(data, 'from', 'link'));
    guard.rename('/data/from', '/data/to');
    expect(readFileSync(join(data, 'to/deep/er/b'), 'utf8')).toBe('from/deep/er/b');
    expect(guard.readLink('/data/to/link')).toBe('a');
    expect(readdirSync(data)).toEqual(['to']);
  });

  it.each([
    ['/data/from', '/data/full', 'ENOTEMPTY'],
    ['/data/from', '/data/file', 'ENOTDIR'],
    ['/data/file', '/data/from', 'EISDIR'],
    ['/data/from', '/data/from/deep/x', 'EINVAL'],
    ['/data/none', '/data/to', 'ENOENT'],
  ])('is not moved: %s to %s is %s, as the system has it', (from, to, errno) => {
    const { guard } = scene(['from/deep/a', 'full/b', 'file']);
    expect(() => guard.rename(from, to)).toThrow(failure(errno));
  });

  it('takes the place of an empty folder, and may be moved to where it is', () => {
    const { data, guard } = scene(['from/a']);
    mkdirSync(join(data, 'empty'));
    guard.rename('/data/from', '/data/empty');
    guard.rename('/data/empty', '/data/empty');
    expect(readdirSync(join(data, 'empty'))).toEqual(['a']);
  });

  it('is moved only if each of its entries might be moved alone', () => {
    const path = fc
      .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 })
      .map((parts) => `${parts.join('/')}.x`);
    fc.assert(
      fc.property(
        fc.uniqueArray(path, { minLength: 1, maxLength: 4 }),
        fc.nat(),
        fc.boolean(),
        (paths, picked, takes) => {
          const folders = paths.flatMap((each) => {
            const parts = each.split('/').slice(0, -1);
            return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
          });
          const needed = [
            'filesystem:read:/data/from',
            'filesystem:write:/data/from',
            'filesystem:write:/data/to',
            ...new Set([...paths, ...folders].flatMap(ofMove)),
          ];
          const grants = takes ? needed.filter((_, index) => index !== picked % needed.length) : needed;
          const { data, guard } = scene(
            paths.map((each) => `from/${each}`),
            { grants },
          );
          const move = (): void => guard.rename('/data/from', '/data/to');
          if (takes) expect(move).toThrow(expect.objectContaining({ code: 'SECURITY_PERMISSION_DENIED' }));
          else move();
          expect(existsSync(join(data, takes ? 'from' : 'to'))).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is not moved if it holds more than a call may look at', () => {
    const files = ['from/a', 'from/b/c', 'from/b/d'];
    expect(() => scene(files, { maxEntries: 3 }).guard.rename('/data/from', '/data/to')).toThrow(failure('EOVERFLOW'));
    scene(files, { maxEntries: 4 }).guard.rename('/data/from', '/data/to');
  });

  it('is neither moved nor listed further once the time of the call is over', () => {
    const files = Array.from({ length: 400 }, (_, at) => `from/${at % 4}/${at}`);
    const over = new Error('over');
    let left = 3;
    const { data, guard } = scene(files, {
      checkTime: () => {
        left -= 1;
        if (left < 0) throw over;
      },
    });
    expect(() => guard.rename('/data/from', '/data/to')).toThrow(over);
    expect(readdirSync(data)).toEqual(['from']);
    left = 6;
    guard.rename('/data/from', '/data/to');
    expect(left).toBe(0);
    expect(() => guard.list('/data/to/0')).toThrow(over);
    left = 1;
    expect(guard.list('/data/to/0')).toHaveLength(100);
  });

  it('is not moved with a folder that was opened, nor where one is opened below either name', () => {
    const held = scene(['from/a/b/c'], {
      preopens: (data) => [
        { guestPath: '/data', hostPath: data },
        { guestPath: '/other', hostPath: join(data, 'from/a/b') },
      ],
    });
    expect(() => held.guard.rename('/data/from', '/data/to')).toThrow(failure('EBUSY'));
    for (const name of ['from', 'to']) {
      const hidden = scene(['from/sub/secret', 'elsewhere/x'], {
        preopens: (data) => [
          { guestPath: '/data', hostPath: data },
          { guestPath: `/data/${name}/sub`, hostPath: join(data, 'elsewhere') },
        ],
      });
      expect(() => hidden.guard.rename('/data/from', '/data/to'), name).toThrow(failure('EBUSY'));
    }
  });
});
