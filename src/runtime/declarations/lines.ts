/** Indents each line that is not empty. */
export function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}

/** Writes a doc comment in front of a declaration. @param notes sentences that follow the comment of the WIT */
export function documented(doc: string | undefined, declaration: string, notes: readonly string[] = []): string {
  const lines = [...(doc === undefined || doc === '' ? [] : doc.split('\n')), ...notes].map(harmless);
  if (lines.length === 0) return declaration;
  if (lines.length === 1) return `/** ${lines[0]} */\n${declaration}`;
  return `/**\n${lines.map((line) => ` * ${line}`.trimEnd()).join('\n')}\n */\n${declaration}`;
}

/** Text of a comment that cannot end it, and has no control characters. */
function harmless(line: string): string {
  return line.replaceAll('*/', '*\\/').replace(/\p{Cc}/gu, ' ');
}

/** Writes a block with its members. */
export function block(head: string, members: readonly string[]): string {
  if (members.length === 0) return `${head} {}`;
  return `${head} {\n${indented(members.join('\n'))}\n}`;
}
