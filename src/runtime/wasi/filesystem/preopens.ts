import type { CurrentStore, HostLinker } from '#runtime/host';
import type { OpenFolder } from './types.ts';

/** Defines `wasi:filesystem/preopens`: the folders that `load` opened. Each use of them is checked against the component's grants. */
export function defineFilesystemPreopens(linker: HostLinker, current: CurrentStore, openFolder: OpenFolder): void {
  linker.define('wasi:filesystem/preopens@0.2.0', {
    getDirectories: () => current.state.context.preopens.map(({ guestPath }) => [openFolder(guestPath), guestPath]),
  });
}
