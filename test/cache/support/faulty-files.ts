import * as promises from 'node:fs/promises';
import type { CacheFiles } from '../../../src/cache/files.ts';

/** One call of the file system: `open`, `rename`, …, or of an open file: `write`, `sync`, … */
export interface Step {
  readonly name: string;
  readonly path: string;
}

/**
 * The real file system, with something done before each step. Throwing there makes the step fail; killing the process
 * there ends it at that step. A write comes in two steps, so that it can fail half-way.
 */
export function filesWith(before: (step: Step) => void | Promise<void>): CacheFiles {
  const wrap =
    <Args extends unknown[], Result>(name: string, call: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      await before({ name, path: String(args[0]) });
      return call(...args);
    };
  const open: CacheFiles['open'] = async (path, flags, mode) => {
    await before({ name: 'open', path: String(path) });
    const handle = await promises.open(path, flags, mode);
    return new Proxy(handle, {
      get(target, name) {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        return async (...args: unknown[]) => {
          if (name === 'writeFile') {
            const bytes = Buffer.from(args[0] as Uint8Array | string);
            await before({ name: 'write', path: String(path) });
            await target.writeFile(bytes.subarray(0, bytes.length >> 1));
            await before({ name: 'write on', path: String(path) });
            return target.writeFile(bytes.subarray(bytes.length >> 1));
          }
          if (name !== 'close') await before({ name: String(name), path: String(path) });
          return method.apply(target, args);
        };
      },
    });
  };
  return {
    open,
    rename: wrap('rename', promises.rename),
    rm: wrap('rm', promises.rm),
    mkdir: wrap('mkdir', promises.mkdir) as CacheFiles['mkdir'],
    stat: wrap('stat', promises.stat as CacheFiles['stat']) as CacheFiles['stat'],
    lstat: wrap('lstat', promises.lstat as CacheFiles['lstat']) as CacheFiles['lstat'],
    readdir: wrap('readdir', promises.readdir as (path: string) => Promise<string[]>) as CacheFiles['readdir'],
    chmod: wrap('chmod', promises.chmod),
    utimes: wrap('utimes', promises.utimes),
  };
}

/** An error as the operating system gives it. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}
