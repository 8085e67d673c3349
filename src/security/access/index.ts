export { type FileEntry, type FileFacts, FileGuard, type FileTimes, type GuardedFile } from './file-guard.ts';
export { guardedFetch } from './guarded-fetch.ts';
export { GuardedNetwork } from './guarded-network.ts';
export { NetworkGuard } from './network-guard.ts';
export { openPreopens, type Preopens } from './preopens.ts';
