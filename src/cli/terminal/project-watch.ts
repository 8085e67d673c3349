import { type FSWatcher, watch } from 'node:fs';

/** Whether changes of a file cause no build: files that the build writes, installed packages and hidden files. */
function isIgnored(file: string): boolean {
  if (file.endsWith('.wasm') || file.endsWith('.wasm.map')) return true;
  return file.split(/[\\/]/).some((part) => part === 'node_modules' || part.startsWith('.'));
}

/** Watches the sources of a project. @param changed is given the path of a changed file, relative to the folder */
export function watchProject(folder: string, changed: (file: string) => void): FSWatcher {
  return watch(folder, { recursive: true }, (_, file) => {
    if (file !== null && !isIgnored(file)) changed(file);
  });
}
