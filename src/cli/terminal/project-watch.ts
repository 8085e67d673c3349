import { basename } from 'node:path';
import { FolderWatch } from './folder-watch.ts';

/** Whether changes of a file cause no build: files that the build writes, installed packages and hidden files. */
function isIgnored(file: string): boolean {
  if (file.endsWith('.wasm') || file.endsWith('.wasm.map')) return true;
  return file.split(/[\\/]/).some((part) => part === 'node_modules' || part.startsWith('.'));
}

/** Watches the sources of a project. @param changed is given the path of a changed file, relative to the folder, or the folder's name */
export function watchProject(
  folder: string,
  changed: (file: string) => void,
  lost: (error: unknown) => void,
): FolderWatch {
  return new FolderWatch(folder, {
    recursive: true,
    changed: (file) => {
      if (!isIgnored(file)) changed(file);
    },
    replaced: () => changed(basename(folder)),
    lost,
  });
}
