/** Longer than any that a guard takes: what is done with each character must not be the guest's to choose. */
const MAX_PATH = 4_096;

/**
 * A path below a folder as one absolute path of the component's. `.` is left out; an absolute path, and one that goes above the
 * folder by its `..`, are refused with `not-permitted`. What else `..` leads to depends on links, and is the guard's to find.
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
 * Whether a path can name nothing but a folder, as POSIX has it (path resolution, section 4.16): `below` leaves out what says so.
 */
export function namesFolder(path: string): boolean {
  return path.endsWith('/') || endsInDot(path) || path === '..' || path.endsWith('/..');
}

/** Whether its last segment is `.`, which is no name that could be made or removed. */
export function endsInDot(path: string): boolean {
  let end = path.length;
  while (end > 0 && path[end - 1] === '/') end--;
  return path[end - 1] === '.' && (end === 1 || path[end - 2] === '/');
}

/** A place or length in a file as a number that holds it exactly. */
export function fileOffset(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw 'overflow';
  return Number(value);
}
