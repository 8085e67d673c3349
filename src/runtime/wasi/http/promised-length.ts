import type { HeaderPairs } from './fields.ts';

const DIGITS = /^\d{1,15}$/;

/** The length that the headers promise for the body. If they hold no valid number or different ones, it is NaN, which no body matches. */
export function promisedLength(headers: HeaderPairs): number | undefined {
  if (headers.length === 0) return undefined;
  const said = new Set(headers.filter(([name]) => name.toLowerCase() === 'content-length').map(([, value]) => value));
  const [length = ''] = said;
  if (said.size === 0) return undefined;
  return said.size === 1 && DIGITS.test(length) ? Number(length) : Number.NaN;
}
