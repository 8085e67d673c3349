import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '#core/errors';
import { Signer } from '#security/signers';
import { SecurityError } from '../errors.ts';
import { hasCode, readPrivateFile, writeWhole } from '../private-file.ts';
import { checkKeyName } from './key-name.ts';

const MAX_KEY_BYTES = 4 * 1024;
const SUFFIX = '.pem';

/** The user's private keys: `<home>/keys/<name>.pem`, PKCS #8, mode 0600. A file that others can read is not used. */
export class KeyStore {
  readonly #folder: string;

  constructor(home: string) {
    this.#folder = join(home, 'keys');
  }

  /** @throws {SecurityError} `SECURITY_KEY_EXISTS`, `SECURITY_KEY_INVALID` (the name), `SECURITY_STORE_FAILED` */
  async save(name: string, signer: Signer): Promise<void> {
    if (await writeWhole(this.#path(name), signer.toPrivatePem(), 'create')) return;
    throw new SecurityError('SECURITY_KEY_EXISTS', `a private key named ${name} exists already; choose another name`);
  }

  /** @throws {SecurityError} `SECURITY_KEY_NOT_FOUND`, `SECURITY_KEY_INVALID`, `SECURITY_UNSAFE_FILE` */
  async signer(name: string): Promise<Signer> {
    const path = this.#path(name);
    const bytes = await readPrivateFile(path, 'secret', MAX_KEY_BYTES);
    if (bytes !== undefined) return Signer.fromPem(Buffer.from(bytes).toString('latin1'), path);
    throw new SecurityError(
      'SECURITY_KEY_NOT_FOUND',
      `there is no private key named ${name}; make one with 'viv key new ${name}'`,
    );
  }

  async remove(name: string): Promise<void> {
    await rm(this.#path(name), { force: true });
  }

  async names(): Promise<readonly string[]> {
    try {
      const files = await readdir(this.#folder);
      return files
        .filter((file) => file.endsWith(SUFFIX))
        .map((file) => file.slice(0, -SUFFIX.length))
        .toSorted();
    } catch (cause) {
      if (hasCode(cause, 'ENOENT')) return [];
      throw new SecurityError('SECURITY_STORE_FAILED', `cannot list ${this.#folder}: ${messageOf(cause)}`, { cause });
    }
  }

  #path(name: string): string {
    return join(this.#folder, `${checkKeyName(name)}${SUFFIX}`);
  }
}
