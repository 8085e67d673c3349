import type { PublicKey } from './ed25519.ts';

/** A public key that somebody on this machine decided to trust, for a time. Times are milliseconds since 1970. */
export interface TrustedKey {
  readonly keyId: string;
  readonly name: string;
  readonly publicKey: PublicKey;
  readonly addedAt: number;
  readonly validFrom?: number | undefined;
  readonly validUntil?: number | undefined;
  readonly revokedAt?: number | undefined;
  readonly revocationReason?: string | undefined;
}

/** Looks up keys for verification. */
export interface TrustedKeys {
  find(keyId: string): Promise<TrustedKey | undefined>;
  /** Lists all keys. Without it, a signature that names no key is not valid. */
  list?(): Promise<readonly TrustedKey[]>;
}

export type KeyStatus = 'valid' | 'not-yet-valid' | 'expired' | 'revoked';

/**
 * Whether a key is valid at `now`. Only the time of checking counts, because the time of signing is the signer's own
 * claim. A key's signatures stop being valid when the key expires or is revoked, whenever they were made.
 */
export function keyStatus(key: TrustedKey, now: number): KeyStatus {
  if (key.revokedAt !== undefined) return 'revoked';
  if (key.validFrom !== undefined && now < key.validFrom) return 'not-yet-valid';
  if (key.validUntil !== undefined && now >= key.validUntil) return 'expired';
  return 'valid';
}

/** Makes a set of trusted keys from a list in code, in place of the folder. */
export function trustedKeysOf(keys: readonly TrustedKey[]): TrustedKeys {
  const byId = new Map(keys.map((key) => [key.keyId, key]));
  return { find: async (keyId) => byId.get(keyId), list: async () => keys };
}
