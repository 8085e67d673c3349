import type { HostLinker, HostState } from '#runtime/host';
import { codeOf } from '../io.ts';
import { Descriptor } from './descriptor.ts';
import { DirectoryEntryStream } from './listings.ts';

/** Defines `wasi:filesystem/types`: files, folders, and the listings of folders. */
export function defineFilesystemTypes(linker: HostLinker): void {
  linker.define('wasi:filesystem/types@0.2.0', {
    Descriptor,
    DirectoryEntryStream,
    filesystemErrorCode: (_: HostState, error: unknown) => {
      const code = codeOf(error);
      return typeof code === 'string' ? code : undefined;
    },
  });
}
