import { realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { type ComponentId, checkComponentId, formatComponentId } from '#core';
import { messageOf } from '#core/errors';
import { DEFAULT_MAX_COMPONENT_BYTES } from '#core/limits';
import type { ComponentLoader } from '#core/ports/loader';
import { readRegular, TooLargeFile, UnusableFile } from '#files';
import { RuntimeError } from '../errors.ts';
import { validateBytes } from './validate-bytes.ts';

/** Loads `<base>/<namespace>/<name>/<instance>.wasm`. No id can name a file outside the base, not even through a link. */
export class FileComponentLoader implements ComponentLoader {
  readonly #base: string;
  readonly #maxBytes: number;

  constructor(base: string, maxBytes: number = DEFAULT_MAX_COMPONENT_BYTES) {
    this.#base = base;
    this.#maxBytes = maxBytes;
  }

  async loadBytes(id: ComponentId, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    try {
      const [base, real] = await Promise.all([realpath(this.#base), realpath(this.#path(id))]);
      if (!real.startsWith(base + sep)) {
        throw new RuntimeError(
          'RUNTIME_NOT_FOUND',
          `${formatComponentId(id)} is a link that leaves ${this.#base}; put the file itself there`,
        );
      }
      return await readComponentFile(real, this.#maxBytes, signal);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  validate(bytes: Uint8Array): Promise<void> {
    return validateBytes(bytes);
  }

  async fileOf(id: ComponentId): Promise<string | undefined> {
    const file = this.#path(id);
    return (await stat(file).catch(() => undefined)) === undefined ? undefined : file;
  }

  #path(id: ComponentId): string {
    const { namespace, name, instance } = checkComponentId(id);
    return join(this.#base, namespace, name, `${instance}.wasm`);
  }
}

/**
 * Reads a component from a regular file, or from a link to one.
 * @throws {RuntimeError} `RUNTIME_NOT_FOUND`, `RUNTIME_INVALID_COMPONENT`, `RUNTIME_ABORTED`, and `ENOENT` as it is
 */
export async function readComponentFile(
  path: string,
  maxBytes: number = DEFAULT_MAX_COMPONENT_BYTES,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  try {
    return await readRegular(path, maxBytes, { links: 'follow', signal });
  } catch (cause) {
    if (signal?.aborted) throw new RuntimeError('RUNTIME_ABORTED', 'the load was aborted', { cause });
    if (isMissing(cause)) throw cause;
    if (cause instanceof TooLargeFile) throw tooLarge(path, maxBytes, cause);
    if (!(cause instanceof UnusableFile)) {
      throw new RuntimeError('RUNTIME_NOT_FOUND', `${path} cannot be read: ${messageOf(cause)}`, { cause });
    }
    const what = (await stat(path).catch(() => undefined))?.isDirectory()
      ? 'a folder; give the component in it'
      : 'not a regular file';
    throw new RuntimeError('RUNTIME_INVALID_COMPONENT', `${path} is ${what}`, { cause });
  }
}

/** @throws {RuntimeError} `RUNTIME_INVALID_COMPONENT` if there are more than `maxBytes` bytes */
export function checkComponentSize(bytes: Uint8Array, maxBytes: number, what = 'the component'): void {
  if (bytes.length > maxBytes) throw tooLarge(what, maxBytes);
}

/** The error for a component that is too large, whichever way it was loaded. */
export function tooLarge(what: string, maxBytes: number, cause?: unknown): RuntimeError {
  return new RuntimeError(
    'RUNTIME_INVALID_COMPONENT',
    `${what} is larger than ${maxBytes} bytes, and is not loaded; the option maxComponentBytes (--max-component) raises that`,
    { cause, details: { maxComponentBytes: maxBytes } },
  );
}

/** Whether a file system error says that the file does not exist. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
