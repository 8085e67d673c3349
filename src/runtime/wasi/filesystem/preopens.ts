import type { HostLinker, HostState } from '#runtime/host';
import { Descriptor, type DescriptorHost } from './descriptor.ts';

/** Defines `wasi:filesystem/preopens`: the folders that `load` opened. Each use of them is checked against the component's grants. */
export function defineFilesystemPreopens(linker: HostLinker, host: DescriptorHost): void {
  linker.define('wasi:filesystem/preopens@0.2.0', {
    getDirectories: (caller: HostState) =>
      caller.context.preopens.map(({ guestPath }) => [
        new Descriptor(caller, host, { folder: guestPath }, { read: true, mutateDirectory: true }),
        guestPath,
      ]),
  });
}
