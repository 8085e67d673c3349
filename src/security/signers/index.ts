export { PublicKey, Signer } from './ed25519.ts';
export { type KeyStatus, keyStatus, type TrustedKey, type TrustedKeys, trustedKeysOf } from './trusted-keys.ts';
