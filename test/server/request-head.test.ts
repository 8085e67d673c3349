// Where a request wants to go: what is read without `URL` must be what `URL` says.
import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { headOf, plainPath } from '../../src/server/request-head.ts';

const read = (host: string, url: string, more: object = {}) =>
  headOf(
    {
      method: 'GET',
      url,
      httpVersion: '1.1',
      headers: { host },
      rawHeaders: ['Host', host],
      ...more,
    } as IncomingMessage,
    'http',
  );

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
      expect([found.host, found.pathname, found.search]).toEqual([url.host, plainPath(url.pathname), url.search]);
    }),
    { numRuns: 2_000 },
  );
});

it('has one spelling for each path, which means what the client has written', () => {
  const spelled = fc
    .array(fc.tuple(fc.constantFrom(...'aZ0-._~/%?'), fc.boolean()), { maxLength: 8 })
    .map((all) =>
      all
        .map(([character, isEscaped]) =>
          isEscaped || '%?'.includes(character) ? `%${character.charCodeAt(0).toString(16)}` : character,
        )
        .join(''),
    );
  fc.assert(
    fc.property(spelled, (text) => {
      const plain = plainPath(text);
      expect(decodeURIComponent(plain)).toBe(decodeURIComponent(text));
      expect(plain).not.toMatch(/%(?!25|2f|3f)/i);
      expect(plainPath(plain)).toBe(plain);
    }),
  );
  expect(read('a', '/%61dmin/%2F%7e')?.pathname).toBe('/admin/%2F~');
  // What is the host's own stays so in any spelling.
  expect(read('a', '/%2d/health')?.pathname).toBe('/-/health');
});

it.each([
  ['a coding that nobody undoes', '1.1', { 'transfer-encoding': 'gzip, chunked' }],
  ['two codings', '1.1', { 'transfer-encoding': 'chunked, chunked' }],
  ['a coding that its version does not know', '1.0', { 'transfer-encoding': 'chunked' }],
  ['a version that a plain connection does not speak', '2.0', {}],
])('a request with %s is none', (_, httpVersion, headers) => {
  expect(read('a', '/', { httpVersion, headers: { host: 'a', ...headers } })).toBeUndefined();
});

it('names one host over HTTP/2 too', () => {
  const over2 = (...hosts: string[]) =>
    headOf(
      {
        method: 'GET',
        url: '/',
        authority: 'a.example',
        stream: {},
        headers: {},
        rawHeaders: [':authority', 'a.example', ...hosts.flatMap((host) => ['host', host])],
      } as unknown as Http2ServerRequest,
      'https',
    )?.host;
  expect([over2(), over2('a.example'), over2('b.example')]).toEqual(['a.example', 'a.example', undefined]);
});

it('over TLS leaves the port of HTTP, and not that of HTTPS', () => {
  const over = (host: string) =>
    headOf(
      { method: 'GET', url: '/', httpVersion: '1.1', headers: { host }, rawHeaders: ['Host', host] } as IncomingMessage,
      'https',
    )?.host;
  expect([over('a.b:443'), over('a.b:80'), over('a.b:8443')]).toEqual(['a.b', 'a.b:80', 'a.b:8443']);
});

it.each(['*', 'http://a/', '//a', '', 'a'])('%j is no target', (target) => {
  expect(read('a.example', target)).toBeUndefined();
});

it.each(['', 'a b', 'a/b', 'a@b', 'a?b', 'a#b', 'a:b', 'a\\b', 'a,b'])('%j is no host', (host) => {
  expect(read(host, '/')).toBeUndefined();
});

it.each([
  ['127.0.0.1', '127.0.0.1:8080'],
  ['::ffff:10.0.0.1', '10.0.0.1:8080'],
  ['fe80::1%eth0', '[fe80::1]:8080'],
])(
  'a request of HTTP/1.0 without a host, as health checks send it, is for the address %s at which it came',
  (localAddress, host) => {
    const socket = { localAddress, localPort: 8080 };
    const bare = (httpVersion: string) => read('', '/', { httpVersion, headers: {}, rawHeaders: [], socket });
    expect([bare('1.0')?.host, bare('1.1')]).toEqual([host, undefined]);
  },
);
