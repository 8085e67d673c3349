import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readPrivateFile, writeWhole } from '../../src/security/private-file.ts';
import { runUnprivileged, scratchFolder } from './scratch.ts';

const unsafe = expect.objectContaining({ code: 'SECURITY_UNSAFE_FILE' });

describe('private file', () => {
  it('is written with mode 0600 in a folder of mode 0700, and read back', async () => {
    const path = join(scratchFolder(), 'new', 'secret');
    expect(await writeWhole(path, 'content', 'create')).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700);
    expect(await readPrivateFile(path, 'secret', 100)).toEqual(Buffer.from('content'));
  });

  it('is created by one of many writers only, and nothing else is left behind', async () => {
    const folder = scratchFolder();
    const path = join(folder, 'secret');
    const won = await Promise.all(Array.from({ length: 20 }, (_, i) => writeWhole(path, `writer ${i}`, 'create')));
    expect(won.filter(Boolean)).toHaveLength(1);
    expect(readdirSync(folder)).toEqual(['secret']);
    const content = Buffer.from((await readPrivateFile(path, 'secret', 100)) ?? []).toString();
    expect(content).toBe(`writer ${won.indexOf(true)}`);
  });

  it('is undefined when there is none', async () => {
    expect(await readPrivateFile(join(scratchFolder(), 'none'), 'secret', 10)).toBeUndefined();
  });

  it.each([
    ['secret', 0o640],
    ['secret', 0o604],
    ['secret', 0o660],
    ['public', 0o664],
    ['public', 0o646],
  ] as const)('%s is refused with mode %o', async (secrecy, mode) => {
    const path = join(scratchFolder(), 'file');
    writeFileSync(path, 'x');
    chmodSync(path, mode);
    await expect(readPrivateFile(path, secrecy, 10)).rejects.toThrow(unsafe);
    chmodSync(path, 0o600);
    expect(await readPrivateFile(path, secrecy, 10)).toEqual(Buffer.from('x'));
  });

  it('is refused in a folder where others may write', async () => {
    const folder = scratchFolder();
    await writeWhole(join(folder, 'file'), 'x', 'create');
    chmodSync(folder, 0o777);
    await expect(readPrivateFile(join(folder, 'file'), 'secret', 10)).rejects.toThrow(unsafe);
  });

  it('is refused when it is a link, a folder, a FIFO or too large', async () => {
    const folder = scratchFolder();
    await writeWhole(join(folder, 'file'), 'x', 'create');
    symlinkSync(join(folder, 'file'), join(folder, 'link'));
    mkdirSync(join(folder, 'folder'), { mode: 0o700 });
    execFileSync('mkfifo', ['-m', '600', join(folder, 'fifo')]);
    await writeWhole(join(folder, 'large'), 'x', 'create');
    truncateSync(join(folder, 'large'), 2 ** 40);
    for (const name of ['link', 'folder', 'fifo', 'large']) {
      await expect(readPrivateFile(join(folder, name), 'secret', 10), name).rejects.toThrow(unsafe);
    }
  });

  it.runIf(process.getuid?.() === 0)('is refused when another user owns it', async () => {
    const path = join(scratchFolder(), 'file');
    await writeWhole(path, 'x', 'create');
    chownSync(path, 1234, 1234);
    await expect(readPrivateFile(path, 'secret', 10)).rejects.toThrow(unsafe);
  });

  it('follows the modes of the file system for a user without rights', async () => {
    const home = scratchFolder();
    await writeWhole(join(home, 'roots', 'machine.secret'), Buffer.alloc(32), 'create');
    await writeWhole(join(home, 'shared', 'machine.secret'), Buffer.alloc(32), 'create');
    chmodSync(join(home, 'shared'), 0o777);
    chmodSync(join(home, 'shared', 'machine.secret'), 0o644);
    chmodSync(home, 0o777);
    const mine = process.getuid?.() === 0 ? 'SECURITY_STORE_FAILED' : 'done';
    expect(JSON.parse(runUnprivileged(home))).toEqual({
      sealInOwnHome: 'done',
      saveInReadOnlyHome: 'SECURITY_STORE_FAILED',
      sealInReadOnlyHomeWithSecret: 'done',
      readSecretOfRoot: mine,
      readSecretInSharedFolder: 'SECURITY_UNSAFE_FILE',
    });
  });
});
