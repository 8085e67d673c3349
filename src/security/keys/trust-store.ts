import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '#core/errors';
import type { Clock } from '#core/ports/clock';
import { shownText } from '#core/text';
import type { TrustedKey, TrustedKeys } from '#security/signers';
import { PublicKey } from '#security/signers';
import { SecurityError } from '../errors.ts';
import { parseJsonObject, parseTime, textField } from '../json.ts';
import { hasCode, readPrivateFile, writeWhole } from '../private-file.ts';
import { checkKeyName } from './key-name.ts';

const KEY_ID = /^[0-9a-f]{64}$/;
const MAX_ENTRY_BYTES = 16 * 1024;

export interface TrustOptions {
  readonly validFrom?: number | undefined;
  readonly validUntil?: number | undefined;
}

/**
 * The public keys that this user trusts: `<home>/trust/<key id>.json`, one file for each key. Two processes that add or
 * revoke different keys therefore cannot undo each other's work, and a look-up reads one file however many there are.
 * Each look-up reads the file anew, so a revocation is effective from the next verification, in every process.
 */
export class TrustStore implements TrustedKeys {
  readonly #folder: string;
  readonly #clock: Clock;

  constructor(home: string, clock: Clock) {
    this.#folder = join(home, 'trust');
    this.#clock = clock;
  }

  /** @throws {SecurityError} `SECURITY_UNSAFE_FILE`, `SECURITY_KEY_INVALID`, `SECURITY_STORE_FAILED` */
  async find(keyId: string): Promise<TrustedKey | undefined> {
    // The id comes from an envelope. Anything but hex could name a file elsewhere.
    if (!KEY_ID.test(keyId)) return undefined;
    const path = this.#path(keyId);
    const bytes = await readPrivateFile(path, 'public', MAX_ENTRY_BYTES);
    return bytes === undefined ? undefined : parseEntry(bytes, keyId, path);
  }

  /**
   * Lists all keys by name. A file that cannot be used is an error that names it, so that no key is silently ignored.
   */
  async list(): Promise<readonly TrustedKey[]> {
    let names: string[];
    try {
      names = await readdir(this.#folder);
    } catch (cause) {
      if (hasCode(cause, 'ENOENT')) return [];
      throw new SecurityError('SECURITY_STORE_FAILED', `cannot list ${this.#folder}: ${messageOf(cause)}`, { cause });
    }
    const ids = names.filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -'.json'.length));
    const keys: TrustedKey[] = [];
    for (const id of ids) {
      const key = await this.find(id);
      if (key !== undefined) keys.push(key);
    }
    return keys.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.keyId < b.keyId ? -1 : 1));
  }

  /**
   * Trusts a key under a name. A revoked key stays revoked.
   * @throws {SecurityError} `SECURITY_KEY_EXISTS` when the key or the name exists already
   */
  async add(name: string, publicKey: PublicKey, options: TrustOptions = {}): Promise<TrustedKey> {
    checkKeyName(name);
    if ((await this.list()).some((known) => known.name === name)) {
      throw new SecurityError('SECURITY_KEY_EXISTS', `a trusted key named ${name} exists already; choose another name`);
    }
    const key: TrustedKey = { keyId: publicKey.keyId, name, publicKey, addedAt: this.#clock.now(), ...options };
    if (await writeWhole(this.#path(key.keyId), formatEntry(key), 'create')) return key;
    const known = await this.find(key.keyId);
    throw new SecurityError(
      'SECURITY_KEY_EXISTS',
      `key ${key.keyId} is in the trust store already, as ${known?.name}${known?.revokedAt === undefined ? '' : ', revoked'}`,
    );
  }

  /** Revokes trust permanently, by name or key id. @throws {SecurityError} `SECURITY_KEY_NOT_FOUND` */
  async revoke(nameOrId: string, reason?: string): Promise<TrustedKey> {
    const found = (await this.list()).filter((key) => key.name === nameOrId || key.keyId === nameOrId);
    const [key] = found;
    if (key === undefined || found.length > 1) {
      const what = key === undefined ? 'there is no trusted key named' : 'there are several trusted keys named';
      throw new SecurityError('SECURITY_KEY_NOT_FOUND', `${what} ${nameOrId}; 'viv key list' shows names and ids`);
    }
    const revoked: TrustedKey = {
      ...key,
      revokedAt: key.revokedAt ?? this.#clock.now(),
      revocationReason: key.revocationReason ?? reason?.slice(0, 500),
    };
    await writeWhole(this.#path(key.keyId), formatEntry(revoked), 'replace');
    return revoked;
  }

  #path(keyId: string): string {
    return join(this.#folder, `${keyId}.json`);
  }
}

function formatEntry(key: TrustedKey): string {
  const time = (value: number | undefined) => (value === undefined ? undefined : new Date(value).toISOString());
  const entry = {
    version: 1,
    name: key.name,
    publicKey: key.publicKey.toPem(),
    addedAt: time(key.addedAt),
    validFrom: time(key.validFrom),
    validUntil: time(key.validUntil),
    revokedAt: time(key.revokedAt),
    revocationReason: key.revocationReason,
  };
  return `${JSON.stringify(entry, undefined, 2)}\n`;
}

const FIELDS = new Set([
  'version',
  'name',
  'publicKey',
  'addedAt',
  'validFrom',
  'validUntil',
  'revokedAt',
  'revocationReason',
]);

/**
 * Parses an entry. A field that exists but cannot be read makes the entry invalid, because the field might be the
 * revocation.
 */
function parseEntry(bytes: Uint8Array, keyId: string, path: string): TrustedKey {
  const invalid = (what: string) =>
    new SecurityError('SECURITY_KEY_INVALID', `${path} ${what}; remove it and import the key again`, {
      details: { path },
    });
  const entry = parseJsonObject(Buffer.from(bytes).toString('utf8'));
  if (entry === undefined) throw invalid('is not a JSON object');
  if (!('version' in entry) || entry.version !== 1) throw invalid('has an unknown version');
  const unknown = Object.keys(entry).find((name) => !FIELDS.has(name));
  if (unknown !== undefined) throw invalid(`has an unknown field ${shownText(unknown, 40)}`);
  const time = (name: string): number | undefined => {
    if (!Object.hasOwn(entry, name)) return undefined;
    const value = parseTime(textField(entry, name));
    if (value === undefined) throw invalid(`has a bad time in ${name}`);
    return value;
  };
  const publicKey = PublicKey.fromPem(textField(entry, 'publicKey') ?? '', path);
  if (publicKey.keyId !== keyId) throw invalid('holds another key than its name says');
  const name = textField(entry, 'name');
  const addedAt = time('addedAt');
  if (name === undefined || addedAt === undefined) throw invalid('lacks its name or its time');
  return {
    keyId,
    name: checkKeyName(name),
    publicKey,
    addedAt,
    validFrom: time('validFrom'),
    validUntil: time('validUntil'),
    revokedAt: time('revokedAt'),
    revocationReason: textField(entry, 'revocationReason'),
  };
}
