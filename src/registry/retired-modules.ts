import { constants } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf } from '#core/errors';
import { openRegular, readRegular } from '#files';
import { isDigest } from './digest.ts';
import { RegistryError } from './errors.ts';

/** A line has 80 bytes, so no machine has ever seen so many retirements. */
const MAX_BYTES = 64 * 2 ** 20;
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT;

export type Retirement = 'superseded' | 'revoked';

/**
 * The modules that this machine saw superseded or revoked by a trusted signature. An index that was rolled back, or
 * from which the newer version was deleted, cannot offer them again.
 */
export interface RetiredModules {
  get(pointer: string): Promise<Retirement | undefined>;
  add(pointer: string, retirement: Retirement): Promise<void>;
}

/** Keeps retirements in memory until the process ends. */
export class MemoryRetiredModules implements RetiredModules {
  readonly #retired = new Map<string, Retirement>();

  async get(pointer: string): Promise<Retirement | undefined> {
    return this.#retired.get(pointer);
  }

  async add(pointer: string, retirement: Retirement): Promise<void> {
    if (this.#retired.get(pointer) !== 'revoked') this.#retired.set(pointer, retirement);
  }
}

/**
 * A text file with one retirement in each line, `revoked sha256:…`. It only grows, and several processes may share it.
 */
export class FileRetiredModules implements RetiredModules {
  readonly #file: string;
  readonly #known = new MemoryRetiredModules();
  #loaded: Promise<void> | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  /**
   * Returns a retirement. @throws {RegistryError} `REGISTRY_UNAVAILABLE` when the file cannot be read, because what it
   * forbids must not be forgotten
   */
  async get(pointer: string): Promise<Retirement | undefined> {
    await this.#load();
    return this.#known.get(pointer);
  }

  async add(pointer: string, retirement: Retirement): Promise<void> {
    const known = await this.get(pointer);
    if (known === 'revoked' || known === retirement) return;
    await this.#known.add(pointer, retirement);
    try {
      await mkdir(dirname(this.#file), { recursive: true });
      await using file = await openRegular(this.#file, { links: 'refuse', flags: APPEND, mode: 0o666 });
      await file.appendFile(`${retirement} ${pointer}\n`);
      await file.sync();
    } catch (cause) {
      throw unavailable('write', this.#file, cause);
    }
  }

  #load(): Promise<void> {
    this.#loaded ??= this.#read();
    return this.#loaded;
  }

  async #read(): Promise<void> {
    let text: string;
    try {
      text = (await readRegular(this.#file, MAX_BYTES, { links: 'refuse' })).toString('utf8');
    } catch (cause) {
      this.#loaded = undefined;
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return;
      throw unavailable('read', this.#file, cause);
    }
    for (const line of text.split('\n')) {
      const [retirement, pointer] = line.split(' ');
      // A crash may have cut the last line.
      if ((retirement === 'superseded' || retirement === 'revoked') && isDigest(pointer)) {
        await this.#known.add(pointer, retirement);
      }
    }
  }
}

function unavailable(verb: string, file: string, cause: unknown): RegistryError {
  return new RegistryError('REGISTRY_UNAVAILABLE', `cannot ${verb} ${file}: ${messageOf(cause)}`, { cause });
}
