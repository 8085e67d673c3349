export { createArtifactTrust, signArtifact } from './artifact-trust.ts';
export { vivariumHome } from './home.ts';
export { KeyStore } from './key-store.ts';
export { type KeyInfo, Keyring } from './keyring.ts';
export { MachineSecret } from './machine-secret.ts';
export { type TrustOptions, TrustStore } from './trust-store.ts';
