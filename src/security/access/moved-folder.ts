import { lstatSync, opendirSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { attempt, fileFailure } from './file-failure.ts';
import type { ResolvedPath } from './file-paths.ts';

export interface MoveRules {
  /** The most entries that are looked at; a larger folder is refused. */
  readonly maxEntries: number;
  /** Called for each entry, with how many were looked at before it. @throws what ends the work */
  looked(before: number): void;
  /** Checks that a component may do something with a path of its own. */
  check(action: 'read' | 'write', guestPath: string): void;
  /** Whether it is a preopened folder, under any path. */
  isPreopen(found: Stats): boolean;
}

/**
 * Checks that a component may move all that a folder holds, as it would have to for each file. Otherwise it could read under the new
 * names what it may not read under the old ones. Links are not followed: they are moved as they are.
 * @throws {SecurityError} `SECURITY_PERMISSION_DENIED`, `SECURITY_FILE_FAILED`
 */
export function checkContents(source: ResolvedPath, target: ResolvedPath, asked: string, rules: MoveRules): void {
  const folders = [''];
  let seen = 0;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const hostFolder = join(source.hostPath, folder);
    const opened = attempt(asked, () => opendirSync(hostFolder));
    try {
      for (let entry = opened.readSync(); entry !== null; entry = opened.readSync()) {
        rules.looked(seen);
        seen += 1;
        if (seen > rules.maxEntries) {
          throw fileFailure('EOVERFLOW', asked, `the folder has more than ${rules.maxEntries} entries`);
        }
        const path = join(folder, entry.name);
        rules.check('read', `${source.guestPath}/${path}`);
        rules.check('write', `${source.guestPath}/${path}`);
        rules.check('write', `${target.guestPath}/${path}`);
        if (entry.isFile() || entry.isSymbolicLink()) continue;
        if (!entry.isDirectory())
          throw fileFailure('EACCES', asked, 'it holds what is neither a regular file nor a folder');
        if (rules.isPreopen(attempt(asked, () => lstatSync(join(hostFolder, entry.name))))) {
          throw fileFailure('EBUSY', asked, 'it holds a folder that was opened');
        }
        folders.push(path);
      }
    } finally {
      opened.closeSync();
    }
  }
}
