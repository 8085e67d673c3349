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

/** Where verification looks a key up. */
export interface TrustedKeys {
  find(keyId: string): Promise<TrustedKey | undefined>;
  /** All keys. Without it a signature that names no key counts for nothing. */
  list?(): Promise<readonly TrustedKey[]>;
}

export type KeyStatus = 'valid' | 'not-yet-valid' | 'expired' | 'revoked';

/**
 * Whether a key counts at `now`. The time at which a signature was made is the signer's own claim, so only the time of
 * checking is looked at: what a key signed stops counting when the key expires or is revoked, whenever it was signed.
 */
export function keyStatus(key: TrustedKey, now: number): KeyStatus {
  if (key.revokedAt !== undefined) return 'revoked';
  if (key.validFrom !== undefined && now < key.validFrom) return 'not-yet-valid';
  if (key.validUntil !== undefined && now >= key.validUntil) return 'expired';
  return 'valid';
}

/** Trusted keys that an embedder gives in code, in place of the folder. */
export function trustedKeysOf(keys: readonly TrustedKey[]): TrustedKeys {
  const byId = new Map(keys.map((key) => [key.keyId, key]));
  return { find: async (keyId) => byId.get(keyId), list: async () => keys };
}
