import { CliError } from './errors.ts';

/** What the operating system's codes mean for whoever named a file or a folder. */
const MEANINGS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not use it',
  EBUSY: 'something else is using it',
  EEXIST: 'it exists already',
  EISDIR: 'it is a folder; name a file',
  ELOOP: 'its symbolic links lead in a circle',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'its name is too long',
  ENOENT: 'it does not exist, or the folder that it belongs in does not',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of its path is a file and no folder',
  EPERM: 'this user may not do this with it',
  EROFS: 'its file system cannot be written',
};

/** Makes an error of the file system, which names a file, one that says what to do; gives any other value back. */
export function explained(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, path } = error as NodeJS.ErrnoException;
  const meaning = code === undefined || !Object.hasOwn(MEANINGS, code) ? undefined : MEANINGS[code];
  if (meaning === undefined || path === undefined) return error;
  return new CliError('CLI_FILE', `${path} cannot be used: ${meaning}`, { cause: error, details: { code } });
}
