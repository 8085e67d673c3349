import type { CurrentStore, HostLinker } from '#runtime/host';
import type { OpenFolder } from './types.ts';

/** `wasi:filesystem/preopens`: the folders that `load` opened. What may be done in them, grants say at each use. */
export function defineFilesystemPreopens(linker: HostLinker, current: CurrentStore, openFolder: OpenFolder): void {
  linker.define('wasi:filesystem/preopens@0.2.0', {
    getDirectories: () => current.state.preopens.map(({ guestPath }) => [openFolder(guestPath), guestPath]),
  });
}
