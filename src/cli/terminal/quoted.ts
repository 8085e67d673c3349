/** Quotes a path for a shell, if it needs quotes, and lets none look like an option. */
export function quoted(path: string): string {
  const word = path.startsWith('-') ? `./${path}` : path;
  return /^[A-Za-z0-9_./@:+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
