import type { HostLinker, HostState } from '#runtime/host';
import type { DescriptorHost } from '../../filesystem/descriptor.ts';
import { preopens } from '../../filesystem/preopens.ts';
import { Descriptor } from './descriptor.ts';

/** Defines `wasi:filesystem` 0.3. */
export function defineFilesystem3(linker: HostLinker, host: DescriptorHost): void {
  linker.define('wasi:filesystem/types@0.3.0', { Descriptor });
  linker.define('wasi:filesystem/preopens@0.3.0', {
    getDirectories: (caller: HostState) =>
      preopens(caller, host).map(([descriptor, path]) => [new Descriptor(descriptor), path]),
  });
}
