/** The most characters of an error that a model gets. */
const MAX_TOLD = 2_000;

/**
 * Returns the source in a model's answer: its first fenced block, or all of it without one. Models wrap code in
 * Markdown whatever the question says.
 */
export function sourceOf(text: string): string {
  const lines = text.split('\n');
  const isFence = (line: string): boolean => line.trimStart().startsWith('```');
  const first = lines.findIndex(isFence);
  if (first < 0) return text;
  const rest = lines.slice(first + 1);
  const end = rest.findIndex(isFence);
  return `${rest.slice(0, end < 0 ? rest.length : end).join('\n')}\n`;
}

/** Tells a model why its answer does not work. */
export function complaintOf(why: string): string {
  return `This does not work: ${why.slice(0, MAX_TOLD)}\nWrite the whole source again, and nothing else.`;
}
