/** A token of a WIT text, with the doc comment that stands directly before it. */
export interface WitToken {
  readonly text: string;
  readonly docs: string | undefined;
}

/** One alternative for each kind of token. None of them can match a character in two ways, so that the scan is linear. */
const TOKEN = /\/\/[^\n]*|\/\*|%?[A-Za-z0-9_][A-Za-z0-9_.+-]*|->|[^\s]/y;
const SPACE = /\s*/y;

/** Splits a WIT text into tokens. Any text can be split; only a WIT compiler says whether it is WIT. */
export function witTokens(text: string): readonly WitToken[] {
  const tokens: WitToken[] = [];
  let docs: string[] = [];
  let at = 0;
  const match = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? '';
    at += found.length;
    return found;
  };
  for (;;) {
    match(SPACE);
    const token = match(TOKEN);
    if (token === '') return tokens;
    if (token === '/*') {
      const start = at;
      at = endOfBlock(text, at);
      if (text[start] === '*' && at - start > 3) docs.push(...linesOfBlock(text.slice(start + 1, at - 2)));
    } else if (token.startsWith('//')) {
      if (token.startsWith('///')) docs.push(token.slice(3).trim());
    } else {
      tokens.push({ text: token.replace(/^%/, ''), docs: docs.length === 0 ? undefined : docs.join('\n').trim() });
      docs = [];
    }
  }
}

/** Returns the offset behind a block comment, which may hold others. */
function endOfBlock(text: string, start: number): number {
  let depth = 1;
  for (let at = start; at < text.length - 1; at++) {
    const two = text.slice(at, at + 2);
    if (two !== '/*' && two !== '*/') continue;
    depth += two === '/*' ? 1 : -1;
    at++;
    if (depth === 0) return at + 1;
  }
  return text.length;
}

function linesOfBlock(block: string): readonly string[] {
  return block.split('\n').map((line) => line.trim().replace(/^\* ?/, '').trim());
}
