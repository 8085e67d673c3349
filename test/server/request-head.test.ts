// Where a request wants to go: what is read without `URL` must be what `URL` says.
import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { headOf } from '../../src/server/request-head.ts';

const read = (host: string, url: string) =>
  headOf({ method: 'GET', url, headers: { host }, rawHeaders: ['Host', host] } as IncomingMessage, 'http');

const part = fc.oneof(
  fc.constantFrom(
    '.',
    '..',
    '%2e',
    '/',
    '//',
    '?',
    '#',
    '%',
    ' ',
    '\\',
    '@',
    ':',
    'a',
    'Z',
    '0',
    '-',
    '~',
    '|',
    'é',
    "'",
    '"',
  ),
  fc.string({ maxLength: 3, unit: 'grapheme-ascii' }),
);
const target = fc.array(part, { maxLength: 8 }).map((parts) => `/${parts.join('')}`);
const host = fc.oneof(
  fc.constantFrom(
    'a',
    'localhost',
    '127.0.0.1',
    '127.1',
    '0x7f.1',
    '[::1]',
    'A.example',
    'xn--a',
    'a.b:80',
    'a.b:443',
    'a.b:0',
    'a.b:08',
    'a.1',
  ),
  fc.domain(),
  fc.tuple(fc.domain(), fc.integer({ min: 0, max: 70_000 })).map(([name, port]) => `${name}:${port}`),
);

it('is what URL makes of it', () => {
  fc.assert(
    fc.property(host, target, (host, target) => {
      const found = read(host, target);
      if (found === undefined) return;
      const url = new URL(`http://${host}${target}`);
      expect([found.host, found.pathname, found.search]).toEqual([url.host, url.pathname, url.search]);
    }),
    { numRuns: 2_000 },
  );
});

it('over TLS leaves the port of HTTP, and not that of HTTPS', () => {
  const over = (host: string) =>
    headOf({ method: 'GET', url: '/', headers: { host }, rawHeaders: ['Host', host] } as IncomingMessage, 'https')
      ?.host;
  expect([over('a.b:443'), over('a.b:80'), over('a.b:8443')]).toEqual(['a.b', 'a.b:80', 'a.b:8443']);
});

it.each(['*', 'http://a/', '//a', '', 'a'])('%j is no target', (target) => {
  expect(read('a.example', target)).toBeUndefined();
});

it.each(['', 'a b', 'a/b', 'a@b', 'a?b', 'a#b', 'a:b', 'a\\b', 'a,b'])('%j is no host', (host) => {
  expect(read(host, '/')).toBeUndefined();
});
