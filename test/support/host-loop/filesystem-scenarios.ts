// Files: paths that are right, that lead out, and that name what is not there.
import { BYTES, FOLLOW, WRITE } from './host-calls.ts';
import { functions, type Lists, LONG, type Maker, methods, none, type Scenario } from './scenario.ts';

const NOW = { tag: 'now' };
const paths = (...rest: readonly unknown[]): Lists =>
  ['file', 'file/', 'folder', 'folder/.', 'nothing', '../out', '/', '', 'link', LONG].map((path) => [path, ...rest]);
const flagged = (lists: Lists): Lists =>
  lists.flatMap((list) => [
    [{}, ...list],
    [FOLLOW, ...list],
  ]);

/** What the descriptors of all versions have, given how such descriptors are had. */
const shared = (root: Maker<object>, file: Maker<object>): Readonly<Record<string, Maker<Lists>>> => ({
  advise: () => [[0n, 0n, 'normal']],
  sync: none,
  syncData: none,
  getFlags: none,
  getType: none,
  setSize: () => [[5n], [2n ** 64n - 1n]],
  setTimes: () => [
    [NOW, NOW],
    [NOW, { tag: 'no-change' }],
  ],
  readDirectory: none,
  createDirectoryAt: () => [...paths(), ['made']],
  stat: none,
  statAt: () => flagged(paths()),
  setTimesAt: () => flagged(paths(NOW, NOW)),
  linkAt: (h) =>
    flagged([
      ['file', root(h), 'file'],
      ['file', root(h), 'file/'],
      ['nothing', root(h), 'x'],
      ['file', file(h), 'x'],
    ]),
  openAt: () => [
    ...flagged(paths({}, { read: true })),
    ...flagged(paths({ directory: true }, { read: true })),
    ...flagged([
      ['file', { create: true, exclusive: true }, WRITE],
      ['folder', { truncate: true }, WRITE],
      ['file/', { create: true }, WRITE],
    ]),
  ],
  readlinkAt: () => paths(),
  removeDirectoryAt: () => [['made'], ['made/'], ['file'], ['nothing'], ['.']],
  renameAt: (h) => [
    ['file', root(h), 'file'],
    ['file', root(h), 'file/'],
    ['nothing', root(h), 'x'],
    ['folder', root(h), 'x'],
    ['file', file(h), 'x'],
  ],
  symlinkAt: () => [['file', 'x']],
  unlinkFileAt: () => [['file/'], ['file/.'], ['folder'], ['nothing'], ['../out']],
  isSameObject: (h) => [[root(h)], [file(h)]],
  metadataHash: none,
  metadataHashAt: () => flagged(paths()),
});

export const FILESYSTEM: readonly Scenario[] = [
  ...functions('wasi:filesystem/preopens', { getDirectories: none }),
  ...functions('wasi:filesystem/types', { filesystemErrorCode: (h) => [[h.error()]] }),
  ...methods('wasi:filesystem/types#DirectoryEntryStream', [(h) => h.on(h.root(), 'readDirectory')], {
    readDirectoryEntry: none,
  }),
  ...methods('wasi:filesystem/types#Descriptor', [(h) => h.root(), (h) => h.file()], {
    ...shared(
      (h) => h.root(),
      (h) => h.file(),
    ),
    readViaStream: () => [[0n], [2n ** 64n - 1n]],
    writeViaStream: () => [[0n], [2n ** 64n - 1n]],
    appendViaStream: none,
    read: () => [
      [5n, 0n],
      [2n ** 64n - 1n, 0n],
      [5n, 2n ** 64n - 1n],
    ],
    write: () => [
      [BYTES, 0n],
      [BYTES, 2n ** 64n - 1n],
    ],
  }),
  ...functions('wasi:filesystem/preopens@0.3', { getDirectories: none }),
  ...methods('wasi:filesystem/types@0.3#Descriptor', [(h) => h.root(3), (h) => h.file(3)], {
    ...shared(
      (h) => h.root(3),
      (h) => h.file(3),
    ),
    readViaStream: () => [[0n], [2n ** 64n - 1n]],
    writeViaStream: (h) => [
      [h.stream(), 0n],
      [h.stream(), 2n ** 64n - 1n],
    ],
    appendViaStream: (h) => [[h.stream()]],
  }),
];
