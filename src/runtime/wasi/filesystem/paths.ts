/** The longest path that is parsed, longer than any that a guard accepts. A guest must not choose how much work parsing is. */
const MAX_PATH = 4_096;

/**
 * Joins a folder and a path below it to one absolute path in the component's view. It leaves out `.`, and refuses with `not-permitted`
 * an absolute path and a path that leaves the folder by its `..`. Where another `..` leads depends on links, so the guard resolves it.
 */
export function below(folder: string, path: string): string {
  if (path.length > MAX_PATH) throw 'name-too-long';
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.');
  if (path.startsWith('/') || climbs(segments)) throw 'not-permitted';
  if (path === '') throw 'no-entry';
  return [folder === '/' ? '' : folder, ...segments].join('/') || '/';
}

function climbs(segments: readonly string[]): boolean {
  let depth = 0;
  return segments.some((segment) => {
    depth += segment === '..' ? -1 : 1;
    return depth < 0;
  });
}

/**
 * Whether a path can name only a folder, by POSIX (path resolution, section 4.16). Check this before `below`, which leaves out the
 * endings that tell.
 */
export function namesFolder(path: string): boolean {
  return path.endsWith('/') || endsInDot(path) || path === '..' || path.endsWith('/..');
}

/** Whether the last segment of a path is `.`, which is not a name that could be created or removed. */
export function endsInDot(path: string): boolean {
  let end = path.length;
  while (end > 0 && path[end - 1] === '/') end--;
  return path[end - 1] === '.' && (end === 1 || path[end - 2] === '/');
}

/** Converts a position or length in a file to a number. @throws `overflow` if no number holds it exactly */
export function fileOffset(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw 'overflow';
  return Number(value);
}
