import type { HostLinker, HostState } from '#runtime/host';
import { Descriptor, type DescriptorHost } from './descriptor.ts';

/** Defines `wasi:filesystem/preopens` 0.2. */
export function defineFilesystemPreopens(linker: HostLinker, host: DescriptorHost): void {
  linker.define('wasi:filesystem/preopens@0.2.0', {
    getDirectories: (caller: HostState) => preopens(caller, host),
  });
}

/** The folders that `load` opened, with their paths. Each use of them is checked against the component's grants. */
export function preopens(caller: HostState, host: DescriptorHost): [Descriptor, string][] {
  return caller.context.preopens.map(({ guestPath }) => [
    new Descriptor(caller, host, { folder: guestPath }, { read: true, mutateDirectory: true }),
    guestPath,
  ]);
}
