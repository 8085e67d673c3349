import { realpath, stat } from 'node:fs/promises';
import { messageOf } from '#core/errors';
import type { Preopen } from '#core/ports/files';
import { SecurityError } from '../errors.ts';

/** Folders of the host, by the absolute path under which a component finds them. */
export type Preopens = Readonly<Record<string, string>>;

/**
 * Resolves the folders to open for a component to their real paths.
 * @throws {SecurityError} `SECURITY_INVALID_PREOPEN`
 */
export function openPreopens(preopens: Preopens): Promise<readonly Preopen[]> {
  return Promise.all(
    Object.entries(preopens).map(async ([guestPath, hostPath]) => {
      if (!/^(?:\/|(?:\/[^/\0]+)+)$/.test(guestPath) || /\/\.{1,2}(?:\/|$)/.test(guestPath)) {
        throw invalid(guestPath, 'a component knows a folder by an absolute path without . and .., such as /data');
      }
      try {
        const place = await realpath(hostPath);
        if ((await stat(place)).isDirectory()) return { guestPath, hostPath: place };
      } catch (cause) {
        throw invalid(guestPath, `${hostPath} cannot be opened: ${messageOf(cause)}`, cause);
      }
      throw invalid(guestPath, `${hostPath} is not a folder`);
    }),
  );
}

function invalid(guestPath: string, why: string, cause?: unknown): SecurityError {
  return new SecurityError('SECURITY_INVALID_PREOPEN', `no folder can be opened as ${guestPath}: ${why}`, { cause });
}
