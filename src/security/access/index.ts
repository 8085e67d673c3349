export type { FileEntry, FileFacts, FileTimes } from './file-facts.ts';
export { FileGuard } from './file-guard.ts';
export { guardedFetch } from './guarded-fetch.ts';
export type { GuardedFile } from './guarded-file.ts';
export { GuardedNetwork } from './guarded-network.ts';
export { NetworkGuard } from './network-guard.ts';
export { openPreopens, type Preopens } from './preopens.ts';
export { StreamInput } from './stream-input.ts';
export { StreamOutput } from './stream-output.ts';
