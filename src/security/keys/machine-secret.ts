import { createHmac, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import type { Random } from '#core/ports/random';
import { SecurityError } from '../errors.ts';
import { readPrivateFile, writeWhole } from '../private-file.ts';

const SECRET_BYTES = 32;

/** The bytes of a code that the secret makes (HMAC with SHA-256). */
export const CODE_BYTES = 32;

/**
 * A secret that only this user on this machine has: `<home>/machine.secret`, 32 bytes, mode 0600, made on first use.
 * Processes that make it at the same time end up with the same one.
 */
export class MachineSecret {
  readonly #path: string;
  readonly #random: Random;
  #secret: Uint8Array | undefined;

  constructor(home: string, random: Random) {
    this.#path = join(home, 'machine.secret');
    this.#random = random;
  }

  /** Returns the code of `content` for one purpose. The code for another purpose differs. */
  async code(purpose: string, content: Uint8Array): Promise<Uint8Array> {
    return mac((await this.#load()) ?? (await this.#create()), purpose, content);
  }

  /** Whether this machine made `code`. This does not make a secret, because without one nothing was sealed. */
  async verify(purpose: string, content: Uint8Array, code: Uint8Array): Promise<boolean> {
    const secret = code.length === CODE_BYTES ? await this.#load() : undefined;
    return secret !== undefined && timingSafeEqual(mac(secret, purpose, content), code);
  }

  async #load(): Promise<Uint8Array | undefined> {
    this.#secret ??= await readPrivateFile(this.#path, 'secret', SECRET_BYTES);
    if (this.#secret === undefined || this.#secret.length === SECRET_BYTES) return this.#secret;
    this.#secret = undefined;
    throw new SecurityError('SECURITY_UNSAFE_FILE', `${this.#path} is not ${SECRET_BYTES} bytes long; remove it`);
  }

  async #create(): Promise<Uint8Array> {
    // A process that loses the race to create it reads the winner's.
    await writeWhole(this.#path, this.#random.bytes(SECRET_BYTES), 'create');
    const secret = await this.#load();
    if (secret !== undefined) return secret;
    throw new SecurityError('SECURITY_STORE_FAILED', `${this.#path} was removed while it was made; try again`);
  }
}

function mac(secret: Uint8Array, purpose: string, content: Uint8Array): Uint8Array {
  return createHmac('sha256', secret).update(`${purpose}\0`).update(content).digest();
}
