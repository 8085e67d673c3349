import { isOfWeb } from './install.ts';

const FIELDS: Readonly<Record<string, readonly string[]>> = {
  AbortController: ['signal'],
  AbortSignal: ['aborted'],
  Request: ['method', 'url', 'headers', 'redirect', 'bodyUsed'],
  Response: ['status', 'statusText', 'headers', 'bodyUsed', 'ok', 'redirected', 'type', 'url'],
  URL: [
    ...['href', 'origin', 'protocol', 'username', 'password', 'host'],
    ...['hostname', 'port', 'pathname', 'search', 'searchParams', 'hash'],
  ],
};

/** Returns what is shown of an object of the web, whose own properties say nothing; undefined for other objects. */
export function webParts(
  value: object,
  text: (item: unknown) => string,
  key: (name: string) => string,
): string[] | undefined {
  if (!isOfWeb(value)) return undefined;
  const tag = String((value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag]);
  const pairs = value as Iterable<readonly [string, string]>;
  if (tag === 'Headers') return Array.from(pairs, ([name, item]) => `${key(name)}: ${text(item)}`);
  if (tag === 'URLSearchParams') return Array.from(pairs, ([name, item]) => `${text(name)} => ${text(item)}`);
  return FIELDS[tag]?.map((name) => `${name}: ${text((value as Record<string, unknown>)[name])}`);
}
