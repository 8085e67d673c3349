// What wasmtime's own programs ask of HTTP in WASI 0.3 (`p3_http_outbound_request_*`, `p3_api_proxy`): what is refused, what becomes of
// bodies that are too short, too long or never sent, and what the futures beside them say.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { GuestStream, HostStream } from '../../../src/runtime/host/host-streams.ts';
import { deafListener } from '../../support/deaf-listener.ts';
import type { HostCalls } from '../../support/host-loop/host-calls.ts';
import { DONE, errorName, HostTurns } from '../../support/host-turns.ts';

const TYPES = 'wasi:http/types@0.3';
const OK = { tag: 'ok', val: undefined };

let turns: HostTurns;
let h: HostCalls;
let server: Server;
let authority: string;
beforeAll(async () => {
  const names = { lookUp: () => Promise.reject(new Error('ENOTFOUND')) };
  turns = await HostTurns.make({ overrides: { names } });
  h = turns.host;
  server = createServer((request, response) => {
    if (request.url === '/cut') {
      response.writeHead(200, { 'content-length': '100' });
      response.write('what came', () => request.socket.destroy());
      return;
    }
    let body = '';
    request.on('data', (piece: Buffer) => {
      body += piece.toString();
    });
    request.on('end', () => {
      response.writeHead(200, { trailer: 'x-sum', 'x-method': request.method });
      response.write(body);
      response.addTrailers({ 'x-sum': String(body.length), 'x-sent': String(request.trailers['x-after']) });
      response.end();
    });
    request.on('error', () => {});
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  authority = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await turns.runtime.close();
  server.closeAllConnections();
  server.close();
});
beforeEach(() =>
  turns.load({ grants: [`network:connect:http://${authority}`, 'network:connect:http://none.example:3000'] }),
);
afterEach(() => turns.unload());

type Pairs = readonly (readonly [string, Uint8Array])[];
const fields = (...pairs: Pairs): object => h.on(h.of(`${TYPES}#Fields`), 'fromList', pairs);

/** A request to the server, and the future of its transmission. */
function request(
  body?: GuestStream,
  more: { headers?: Pairs; trailers?: unknown; path?: string } = {},
): [object, unknown] {
  const trailers = more.trailers ?? DONE;
  const made = h.on<[object, unknown]>(
    h.of(`${TYPES}#Request`),
    'new',
    fields(...(more.headers ?? [])),
    body,
    trailers,
    undefined,
  );
  h.on(made[0], 'setMethod', { tag: body === undefined ? 'get' : 'post' });
  h.on(made[0], 'setScheme', { tag: 'HTTP' });
  h.on(made[0], 'setAuthority', authority);
  h.on(made[0], 'setPathWithQuery', more.path ?? '/');
  return made;
}

const send = (made: object): unknown => h.call('wasi:http/client#send', made);

async function exchanged(made: object): Promise<{ status: number; body: string; trailers: unknown }> {
  const response = h.keep(await turns.later<object>(() => send(made)));
  const [status, [stream, trailers]] = await turns.turn(() => [
    h.on<number>(response, 'getStatusCode'),
    h.on<[HostStream, Promise<unknown>]>(h.of(`${TYPES}#Response`), 'consumeBody', response, DONE),
  ]);
  return { status, body: Buffer.from(await turns.collected(stream)).toString(), trailers: await trailers };
}

describe('a body of a request in WASI 0.3 that promises its length', () => {
  const promising = async (text: string, length = '11'): Promise<[unknown, unknown]> => {
    const { stream } = turns.writes(Buffer.from(text));
    const [[made, sent]] = await turns.turn(() => [
      request(stream, { headers: [['content-length', Buffer.from(length)]] }),
    ]);
    const answered = await exchanged(made).then(({ body }) => body, errorName);
    return [answered, await sent];
  };

  it('is sent where it has that length', async () => {
    expect(await promising('long enough')).toEqual(['long enough', OK]);
  });

  it.each([
    ['msg', 3n],
    ['more than 11 bytes', 18n],
  ])('is broken off where it is %j, and both futures say so', async (text, val) => {
    expect(await promising(text)).toEqual([
      'HTTP-request-body-size',
      { tag: 'err', val: { tag: 'HTTP-request-body-size', val } },
    ]);
  });

  it('is not asked for where the length is no number', async () => {
    expect(await promising('four', '4, 4')).toEqual([
      'HTTP-request-body-size',
      { tag: 'err', val: { tag: 'HTTP-request-body-size', val: 0n } },
    ]);
  });
});

describe('bodies and trailers of WASI 0.3', () => {
  it('go both ways', async () => {
    const { stream } = turns.writes(Buffer.from('hello'));
    const [[made, sent]] = await turns.turn(() => {
      const trailers = Promise.resolve({ tag: 'ok', val: fields(['x-after', Buffer.from('1')]) });
      return [request(stream, { trailers, headers: [['trailer', Buffer.from('x-after')]] })];
    });
    const { status, body, trailers } = await exchanged(made);
    expect([status, body, await sent]).toEqual([200, 'hello', OK]);
    const { tag, val } = trailers as { tag: string; val: object };
    const all = await turns.turn(() => h.on<[string, Uint8Array][]>(h.keep(val), 'copyAll'));
    expect([tag, all.map(([name, value]) => [name, Buffer.from(value).toString()])]).toEqual([
      'ok',
      [
        ['x-sum', '5'],
        ['x-sent', '1'],
      ],
    ]);
  });

  it('break off where the trailers are an error', async () => {
    const { stream } = turns.writes(Buffer.from('hello'));
    const trailers = Promise.resolve({ tag: 'err', val: { tag: 'internal-error', val: 'on purpose' } });
    const [[made, sent]] = await turns.turn(() => [request(stream, { trailers })]);
    expect(await exchanged(made).then(({ body }) => body, errorName)).toBe('internal-error');
    expect(await sent).toEqual({ tag: 'err', val: { tag: 'internal-error', val: 'on purpose' } });
  });

  it('have what came before an answer broke off, and the trailers say that it did', async () => {
    const [[made]] = await turns.turn(() => [request(undefined, { path: '/cut' })]);
    const response = h.keep(await turns.later<object>(() => send(made)));
    const [[stream, trailers]] = await turns.turn(() => [
      h.on<[HostStream, Promise<unknown>]>(h.of(`${TYPES}#Response`), 'consumeBody', response, DONE),
    ]);
    // Nothing is read before the connection is gone.
    await turns.until(() => stream.source.ready());
    await new Promise((resolve) => server.getConnections(resolve));
    await expect.poll(() => new Promise((resolve) => server.getConnections((_, count) => resolve(count)))).toBe(0);
    await new Promise(setImmediate);
    expect(Buffer.from(await turns.collected(stream)).toString()).toBe('what came');
    expect(await trailers).toMatchObject({ tag: 'err', val: { tag: 'connection-terminated' } });
  });

  it.each(['Request', 'Response'])(
    'of a %s that is dropped unsent are dropped too, and its future says so',
    async (type) => {
      const { stream, dropped, taken } = turns.writes(Buffer.from('body'));
      const rest = type === 'Request' ? [undefined] : [];
      const [[made, sent]] = await turns.turn(() => [
        h.on<[Disposable, Promise<unknown>]>(h.of(`${TYPES}#${type}`), 'new', fields(), stream, DONE, ...rest),
      ]);
      await turns.turn(() => made[Symbol.dispose]());
      expect([dropped(), taken()]).toEqual([true, 0]);
      expect(await sent).toMatchObject({ tag: 'err', val: { tag: 'internal-error' } });
    },
  );
});

describe('a request of WASI 0.3', () => {
  it('takes no wrong method, authority, scheme or path', async () => {
    await turns.turn(() => {
      const [made] = request();
      for (const [name, value] of [
        ['setMethod', { tag: 'other', val: 'invalid method' }],
        ['setMethod', { tag: 'other', val: 'bad\nmethod' }],
        ['setAuthority', 'bad-port:99999'],
        ['setAuthority', 'bad-\nhost'],
        ['setAuthority', 'too-many-ports:80:80:80'],
        ['setScheme', { tag: 'other', val: 'bad\nscheme' }],
        ['setPathWithQuery', '/bad\npath'],
      ] as const) {
        let refused = false;
        try {
          h.on(made, name, value);
        } catch (thrown) {
          refused = thrown === undefined;
        }
        expect(refused, `${name} ${JSON.stringify(value)}`).toBe(true);
      }
    });
  });

  it.each([false, true])('says that it was not connected in time (with a body: %s)', async (hasBody) => {
    const deaf = await deafListener();
    onTestFinished(() => deaf.close());
    turns.runtime.grant(turns.handle, `network:connect:http://127.0.0.1:${deaf.port}`);
    const [[made, sent]] = await turns.turn(() => {
      const options = h.make(`${TYPES}#RequestOptions`);
      h.on(options, 'setConnectTimeout', 20_000_000n);
      const body = hasBody ? turns.endless() : undefined;
      const both = h.on<[object, unknown]>(h.of(`${TYPES}#Request`), 'new', fields(), body, DONE, options);
      h.on(both[0], 'setScheme', { tag: 'HTTP' });
      h.on(both[0], 'setAuthority', `127.0.0.1:${deaf.port}`);
      return [both];
    });
    expect(await turns.failure(() => send(made))).toBe('connection-timeout');
    expect(await sent).toEqual(hasBody ? { tag: 'err', val: { tag: 'connection-timeout' } } : OK);
  });

  it('is refused with a scheme that is none of HTTP, without an authority, and where its name leads nowhere', async () => {
    const cases: readonly (readonly [name: string, value: unknown, error: string])[] = [
      ['setScheme', { tag: 'other', val: 'WS' }, 'HTTP-protocol-error'],
      ['setAuthority', undefined, 'HTTP-request-URI-invalid'],
      ['setAuthority', 'none.example:3000', 'DNS-error'],
      ['setAuthority', 'denied.example', 'HTTP-request-denied'],
    ];
    for (const [name, value, error] of cases) {
      const [[made, sent]] = await turns.turn(() => [request()]);
      await turns.turn(() => h.on(made, name, value));
      expect(await turns.failure(() => send(made)), name).toBe(error);
      expect(sent, name).toBeInstanceOf(Promise);
    }
  });
});

describe('fields of WASI 0.3', () => {
  it('take no wrong name, no wrong value, and none that belongs to the connection', async () => {
    await turns.turn(() => {
      const made = fields(['ok-header-name', Buffer.from('ok value')]);
      const append = (name: string, value: string): unknown => {
        try {
          return h.on(made, 'append', name, Buffer.from(value));
        } catch (thrown) {
          return (thrown as { tag: string }).tag;
        }
      };
      expect(append('ok-header-name', 'ok value')).toBeUndefined();
      expect(append('malformed header name', 'ok value')).toBe('invalid-syntax');
      expect(append('ok-header-name', 'bad\nvalue')).toBe('invalid-syntax');
      for (const name of ['Connection', 'Keep-Alive', 'Host']) expect(append(name, 'x'), name).toBe('forbidden');
      for (const pair of [
        ['bad header', 'value'],
        ['ok-header-name', 'bad\nvalue'],
        ['host', 'value'],
      ] as const) {
        expect(() => fields([pair[0], Buffer.from(pair[1])]), pair[0]).toThrow();
      }
    });
  });

  it('of a request cannot be changed', async () => {
    await turns.turn(() => {
      const headers = h.on<object>(request()[0], 'getHeaders');
      for (const [name, ...args] of [
        ['set', 'content-length', [Buffer.from('10')]],
        ['append', 'content-length', Buffer.from('10')],
        ['delete', 'content-length'],
      ] as const) {
        let error: unknown;
        try {
          h.on(headers, name, ...args);
        } catch (thrown) {
          error = thrown;
        }
        expect(error, name).toEqual({ tag: 'immutable' });
      }
    });
  });
});
