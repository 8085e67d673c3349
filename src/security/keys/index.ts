export { createArtifactTrust, signArtifact } from './artifact-trust.ts';
export { vivariumHome } from './home.ts';
export { KeyStore } from './key-store.ts';
export { Keyring } from './keyring.ts';
export { MachineSecret } from './machine-secret.ts';
export { TrustStore } from './trust-store.ts';
