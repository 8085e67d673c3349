const PART = /"([^"]*)"|'([^']*)'|([\w-]+)/g;

/**
 * Finds the lines on which the keys of a TOML text stand, for error messages. The parser keeps no positions. Keys within inline
 * tables and lists get the line of the key that holds them.
 * @returns a function from a key's full name, such as `routes[1].paths`, to its line, counted from 1; undefined if it is not found
 */
export function keyLines(text: string): (key: string) => number | undefined {
  const lines = new Map<string, number>();
  const counts = new Map<string, number>();
  let table = '';
  for (const [index, whole] of text.split('\n').entries()) {
    const line = whole.trim();
    const header = headerOf(line);
    if (header !== undefined) {
      table = header;
      if (line.startsWith('[[')) {
        const count = counts.get(table) ?? 0;
        counts.set(table, count + 1);
        table = `${table}[${count}]`;
      }
      if (!lines.has(table)) lines.set(table, index + 1);
      continue;
    }
    const key = keyOf(line);
    if (key === undefined) continue;
    const name = table === '' ? key : `${table}.${key}`;
    if (!lines.has(name)) lines.set(name, index + 1);
  }
  return (key) => {
    for (let name = key; name !== ''; name = parentOf(name)) {
      const line = lines.get(name);
      if (line !== undefined) return line;
    }
    return undefined;
  };
}

/** The name of `[a.b]` or `[[a.b]]`; undefined for another line. */
function headerOf(line: string): string | undefined {
  const end = line.indexOf(']');
  return line.startsWith('[') && end > 0 ? dotted(line.slice(0, end)) : undefined;
}

/** The key of `key = value`; undefined for another line. */
function keyOf(line: string): string | undefined {
  const end = line.indexOf('=');
  return end > 0 && !line.startsWith('#') ? dotted(line.slice(0, end)) : undefined;
}

function parentOf(name: string): string {
  return name.slice(0, Math.max(name.lastIndexOf('.'), name.lastIndexOf('['), 0));
}

function dotted(key: string): string {
  return [...key.matchAll(PART)].map(([, double, single, bare]) => double ?? single ?? bare).join('.');
}
