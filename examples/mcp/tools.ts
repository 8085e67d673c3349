// Tools as a model might write them. `wit/world.wit` says what they take, and its comments become the descriptions of the tools.

/** An option that was left out is null. */
interface Style {
  readonly separator: string | null;
  readonly maxLength: number | null;
}

export const texts = {
  slug(title: string, style: Style | null): string {
    const words =
      title
        .normalize('NFKD')
        .toLowerCase()
        .match(/[a-z0-9]+/g) ?? [];
    return words.join(style?.separator ?? '-').slice(0, style?.maxLength ?? 80);
  },

  matchingLines(text: string, pattern: string): string[] {
    // Nothing here protects the host from a pattern that takes for ever. The limits of the call do.
    const expression = makeExpression(pattern);
    return text.split('\n').filter((line) => expression.test(line));
  },
};

export function total(cents: Int32Array | readonly number[]): number {
  let sum = 0;
  for (const each of cents) sum += each;
  return sum;
}

function makeExpression(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'u');
  } catch {
    throw `${pattern} is no regular expression`;
  }
}
