import { messageOf } from '#core/errors';
import type { Clock } from '#core/ports/clock';
import { readRegular } from '#files';
import { COMPONENT_MEDIA_TYPE, type Statement, signFile, verifyFile } from '#security/signatures';
import { type KeyStatus, keyStatus, PublicKey, Signer, type TrustedKey } from '#security/signers';
import { SecurityError } from '../errors.ts';
import { hasCode, writeWhole } from '../private-file.ts';
import { KeyStore } from './key-store.ts';
import { type TrustOptions, TrustStore } from './trust-store.ts';

/** One of this user's own or trusted keys. */
export interface KeyInfo {
  readonly name: string;
  readonly keyId: string;
  /** Whether the private half is here, so that it can sign. */
  readonly canSign: boolean;
  /** `untrusted`: there is a private half, but this user does not trust its signatures. */
  readonly status: KeyStatus | 'untrusted';
  readonly trusted: TrustedKey | undefined;
}

const MAX_PEM_BYTES = 16 * 1024;

/** The keys in a home folder, as the commands `key`, `sign` and `verify` use them. */
export class Keyring {
  readonly keys: KeyStore;
  readonly trust: TrustStore;
  readonly #clock: Clock;

  constructor(home: string, clock: Clock) {
    this.keys = new KeyStore(home);
    this.trust = new TrustStore(home, clock);
    this.#clock = clock;
  }

  /** Makes a key pair and trusts its public half. @throws {SecurityError} `SECURITY_KEY_EXISTS` */
  create(name: string, options?: TrustOptions): Promise<TrustedKey> {
    return this.#keep(name, Signer.generate(), options);
  }

  /** Lists every key by name. */
  async list(): Promise<readonly KeyInfo[]> {
    const trusted = await this.trust.list();
    const now = this.#clock.now();
    const infos: KeyInfo[] = trusted.map((key) => ({
      name: key.name,
      keyId: key.keyId,
      canSign: false,
      status: keyStatus(key, now),
      trusted: key,
    }));
    for (const name of await this.keys.names()) {
      const { keyId } = await this.keys.signer(name);
      const at = infos.findIndex((info) => info.keyId === keyId);
      const known = infos[at];
      if (known === undefined) infos.push({ name, keyId, canSign: true, status: 'untrusted', trusted: undefined });
      else infos[at] = { ...known, canSign: true };
    }
    return infos.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Returns the public half of an own or trusted key as PEM. @throws {SecurityError} `SECURITY_KEY_NOT_FOUND` */
  async exportPublic(name: string): Promise<string> {
    const trusted = (await this.trust.list()).find((key) => key.name === name || key.keyId === name);
    return (trusted?.publicKey ?? (await this.keys.signer(name)).publicKey).toPem();
  }

  /**
   * Writes the private half to a new file of mode 0600. @throws {SecurityError} `SECURITY_KEY_EXISTS` when the file
   * exists
   */
  async exportPrivate(name: string, file: string): Promise<void> {
    const signer = await this.keys.signer(name);
    if (await writeWhole(file, signer.toPrivatePem(), 'create')) return;
    throw new SecurityError('SECURITY_KEY_EXISTS', `${file} exists already; choose another file`);
  }

  /** Imports a key from a PEM file. A public key is trusted from now on; a private key can sign as well. */
  async import(name: string, file: string, options?: TrustOptions): Promise<TrustedKey> {
    const pem = await readPem(file);
    if (pem.includes('PRIVATE KEY-----')) return this.#keep(name, Signer.fromPem(pem, file), options);
    return this.trust.add(name, PublicKey.fromPem(pem, file), options);
  }

  /**
   * Signs a component, in a file beside it. @throws {SecurityError} `SECURITY_KEY_NOT_FOUND`, `SECURITY_FILE_NOT_FOUND`
   */
  async sign(file: string, keyName: string, expiresAt?: number): Promise<Statement> {
    const signer = await this.keys.signer(keyName);
    return signFile(file, signer, { mediaType: COMPONENT_MEDIA_TYPE, signedAt: this.#clock.now(), expiresAt });
  }

  /** Returns who vouches for a component. @throws {SecurityError} `SECURITY_UNTRUSTED`, `SECURITY_BAD_SIGNATURE` */
  verify(file: string): ReturnType<typeof verifyFile> {
    return verifyFile(file, COMPONENT_MEDIA_TYPE, { keys: this.trust, now: this.#clock.now() });
  }

  /** Stores both halves or none. */
  async #keep(name: string, signer: Signer, options?: TrustOptions): Promise<TrustedKey> {
    await this.keys.save(name, signer);
    try {
      return await this.trust.add(name, signer.publicKey, options);
    } catch (error) {
      await this.keys.remove(name);
      throw error;
    }
  }
}

async function readPem(file: string): Promise<string> {
  try {
    return (await readRegular(file, MAX_PEM_BYTES, { links: 'follow' })).toString('latin1');
  } catch (cause) {
    const code = hasCode(cause, 'ENOENT') ? 'SECURITY_FILE_NOT_FOUND' : 'SECURITY_KEY_INVALID';
    throw new SecurityError(code, `${file} cannot be read as a key: ${messageOf(cause)}`, { cause });
  }
}
