import type { FieldPairs } from '#core/waiting';
import { isConnectionHeader } from './network.ts';

/**
 * Fields that nobody may read from trailers: those of framing, routing, authentication and the form of the content (RFC 9110,
 * section 6.5.1). A reader that merges trailers into the headers would change the meaning of a message that it has already judged.
 */
const HEADERS_ONLY = new Set([
  'age',
  'authorization',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'expect',
  'expires',
  'location',
  'max-forwards',
  'pragma',
  'range',
  'retry-after',
  'set-cookie',
  'trailer',
  'vary',
  'warning',
  'www-authenticate',
  'x-forwarded-for',
]);

/** Returns those fields that may be trailers. Names are in lower case. */
export function sentTrailers(trailers: FieldPairs): FieldPairs {
  return trailers
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => !HEADERS_ONLY.has(name) && !isConnectionHeader(name));
}
