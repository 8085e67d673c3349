import type { HeaderPairs } from './fields.ts';

const DIGITS = /^\d{1,15}$/;

/** What the headers say of the body's length; NaN, which no body has, where that is no number, or several. */
export function promisedLength(headers: HeaderPairs): number | undefined {
  const said = new Set(headers.filter(([name]) => name.toLowerCase() === 'content-length').map(([, value]) => value));
  const [length = ''] = said;
  if (said.size === 0) return undefined;
  return said.size === 1 && DIGITS.test(length) ? Number(length) : Number.NaN;
}
