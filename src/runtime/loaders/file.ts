import { open, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { type ComponentId, type ComponentLoader, checkComponentId, formatComponentId, messageOf } from '#core';
import { RuntimeError } from '../errors.ts';

/** A larger file is no component that could be loaded. */
export const MAX_COMPONENT_BYTES: number = 256 * 2 ** 20;

/** `<base>/<namespace>/<name>/<instance>.wasm`. An id never leads out of the base, not by a link either. */
export class FileComponentLoader implements ComponentLoader {
  readonly #base: string;

  constructor(base: string) {
    this.#base = base;
  }

  async loadBytes(id: ComponentId, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const { namespace, name, instance } = checkComponentId(id);
    const file = join(this.#base, namespace, name, `${instance}.wasm`);
    try {
      const [base, real] = await Promise.all([realpath(this.#base), realpath(file)]);
      if (!real.startsWith(base + sep)) {
        throw new RuntimeError(
          'RUNTIME_NOT_FOUND',
          `${formatComponentId(id)} is a link that leaves ${this.#base}; put the file itself there`,
        );
      }
      return await readComponentFile(real, signal);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }
}

/**
 * Reads a regular file of at most 256 MiB.
 * @throws {RuntimeError} `RUNTIME_NOT_FOUND`, `RUNTIME_INVALID_COMPONENT`, `RUNTIME_ABORTED`
 */
export async function readComponentFile(path: string, signal?: AbortSignal): Promise<Uint8Array> {
  const file = await open(path, 'r').catch((cause) => {
    if (isMissing(cause)) throw cause;
    throw new RuntimeError('RUNTIME_NOT_FOUND', `${path} cannot be read: ${messageOf(cause)}`, { cause });
  });
  try {
    const stats = await file.stat();
    if (!stats.isFile()) {
      const what = stats.isDirectory() ? 'is a folder; give the component in it' : 'is not a regular file';
      throw new RuntimeError('RUNTIME_INVALID_COMPONENT', `${path} ${what}`);
    }
    if (stats.size > MAX_COMPONENT_BYTES) {
      throw new RuntimeError(
        'RUNTIME_INVALID_COMPONENT',
        `${path} has ${stats.size} bytes; at most ${MAX_COMPONENT_BYTES} are loaded`,
      );
    }
    return await file.readFile({ signal });
  } catch (cause) {
    if (signal?.aborted) throw new RuntimeError('RUNTIME_ABORTED', 'the load was aborted', { cause });
    throw cause;
  } finally {
    await file.close();
  }
}

/** Whether a file system error says that there is nothing there. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
