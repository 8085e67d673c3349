// What a review of the whole server tried from outside: raw connections against components, the API and MCP at once.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { finished } from 'node:stream/promises';
import fc from 'fast-check';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { HttpServer, type HttpServerOptions, healthRoutes, InternalRoutes } from '#server';
import { management, newToken, type Scope } from '#server/management';
import { createRuntime, serveExchange, systemClock } from '#system';
import { wasiGuest } from '../support/wasi-guest.ts';

const SCOPES: readonly Scope[] = ['read', 'send', 'call', 'deploy'];
/** Says which request the component has got. */
const SHOW = "api.answer(out, 'component ' + request.pathWithQuery() + ' of ' + request.authority())";

let component: Uint8Array;
beforeAll(async () => {
  component = await wasiGuest('handler');
});

async function scene(options: HttpServerOptions = {}) {
  const runtime = await createRuntime();
  onTestFinished(() => runtime.close());
  const handle = await runtime.load(component, { id: 'demo/shop/1' });
  const { token, hash } = newToken();
  const tokens = [{ name: 'all', hash, scopes: SCOPES }];
  const beside = healthRoutes(() => true);
  const managed = management(runtime, { tokens: () => tokens, clock: systemClock, version: '1', beside });
  const server = new HttpServer(
    () => ({ component: 'demo/shop/1', serve: (exchange) => serveExchange(runtime, handle, exchange) }),
    { port: 0, internal: new InternalRoutes(managed), ...options },
  );
  const { url } = await server.listen();
  onTestFinished(async () => {
    await server.drain(0);
    managed[Symbol.dispose]();
  });
  const port = Number(new URL(url).port);
  const open = async (): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    return socket;
  };
  /** Sends bytes and returns everything that comes until the server closes the connection. */
  const raw = async (bytes: string): Promise<string> => {
    const socket = await open();
    let answer = '';
    socket.on('data', (piece: Buffer) => {
      answer += piece.toString('latin1');
    });
    socket.write(bytes, 'latin1');
    await finished(socket, { writable: false }).catch(() => {});
    return answer;
  };
  const get = (target: string, ...lines: string[]): Promise<string> =>
    raw(`GET ${target} HTTP/1.1\r\n${['Connection: close', `X-Step: ${SHOW}`, ...lines].join('\r\n')}\r\n\r\n`);
  return { runtime, url, port, token, raw, get, open };
}

const HOST = 'Host: shop.example';
const statuses = (answer: string): string[] =>
  [...answer.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, code]) => code as string);

describe('a target', () => {
  it.each([
    '/x/../-/v1/components',
    '/./-/v1/components',
    '/-/./v1/components',
    '/x/%2e%2e/-/v1/components',
    '/x/.%2E/-/v1/components',
    '/-/x/..%2fv1/components',
    '\\-\\v1\\components',
    '/\\-/v1/components',
    '//-/v1/components',
    '/-//v1/components',
    '/-/V1/components',
    '/-/v1/components;x',
    '/-/v1/components%00',
    '/-/v1/components/%2e%2e/%2e%2e/%2e%2e/x/x',
    '/-',
    '/%2d/v1/components',
    '/-%2fv1%2fcomponents',
  ])('%s opens nothing without a token, and looks like no path of the host to a component', async (target) => {
    const { get } = await scene();
    const answer = await get(target, HOST);
    expect(['200', '400', '401', '404']).toContain(statuses(answer)[0]);
    if (statuses(answer)[0] !== '200') return;
    expect(answer).toMatch(/component (?!\/-\/)\/[^\r\n]* of shop\.example/);
  });

  it('of any kind reaches a component only outside the host’s paths, and never without an answer', async () => {
    const { get } = await scene();
    const piece = fc.constantFrom(
      '/',
      '-',
      '.',
      '..',
      '%2e',
      '%2F',
      '%5c',
      '\\',
      'actors',
      'sockets',
      'v1',
      '?',
      '#',
      ';',
      '//',
      '%',
      '\t',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 8 }), async (pieces) => {
        const target = `/${pieces.join('')}`;
        const answer = await get(target, HOST);
        expect(statuses(answer)).toHaveLength(1);
        if (statuses(answer)[0] === '200' && answer.includes('component '))
          expect(answer).not.toMatch(/component \/-\//);
      }),
      { numRuns: 150 },
    );
  });

  it.each(['http://evil.example/', '*', 'evil.example:443', '', 'x'])(
    '%s that is no path is refused',
    async (target) => {
      const { get } = await scene();
      expect(statuses(await get(target, HOST))).toEqual(['400']);
    },
  );
});

describe('a host', () => {
  it.each([
    ['is named twice', ['Host: a.example', 'Host: b.example']],
    ['is named twice alike', ['Host: a.example', 'Host: a.example']],
    ['is none', []],
    ['has a path', ['Host: a.example/-/v1']],
    ['has a user', ['Host: a@b.example']],
    ['has spaces', ['Host: a.example b.example']],
    ['has a port that is none', ['Host: a.example:99999']],
    ['is folded', ['Host: a.example\r\n b.example']],
  ])('that %s is refused', async (_, lines) => {
    const { get } = await scene();
    expect(statuses(await get('/', ...lines))).toEqual(['400']);
  });

  it('is the one that the component finds, whatever a client says besides', async () => {
    const { get } = await scene();
    const answer = await get(
      '/',
      HOST,
      'X-Forwarded-Host: evil.example',
      'Forwarded: host=evil.example',
      'X-Original-URL: /-/v1',
    );
    expect(answer).toContain('component / of shop.example');
  });
});

describe('a message that two readers could end differently', () => {
  const smuggled = 'GET /-/v1/components HTTP/1.1\r\nHost: a\r\n\r\n';
  it.each([
    ['has both lengths', ['Content-Length: 5', 'Transfer-Encoding: chunked']],
    ['has two lengths', ['Content-Length: 0', 'Content-Length: 50']],
    ['has a list of lengths', ['Content-Length: 0, 50']],
    ['has a signed length', ['Content-Length: +0']],
    ['has a length in hex', ['Content-Length: 0x10']],
    ['has another coding last', ['Transfer-Encoding: chunked, identity']],
    ['has chunked twice', ['Transfer-Encoding: chunked, chunked']],
    ['has chunked in disguise', ['Transfer-Encoding: xchunked']],
    ['has a tab before the colon', ['Content-Length\t: 50']],
    ['has a space before the colon', ['Transfer-Encoding : chunked']],
    ['has a bare carriage return', ['X: a\rContent-Length: 50']],
    ['has a vertical tab in a coding', ['Transfer-Encoding: \x0bchunked']],
    ['has a NUL in a value', ['X: a\0b']],
    ['folds a line', ['X: a', ' Content-Length: 50']],
  ])('and %s gets one answer at most, which is a refusal', async (_, lines) => {
    const { raw } = await scene();
    const answer = await raw(`POST / HTTP/1.1\r\n${[HOST, ...lines].join('\r\n')}\r\n\r\n0\r\n\r\n${smuggled}`);
    expect(statuses(answer)).toEqual(['400']);
  });

  it('behind a request to upgrade that nobody takes is never read, and the client is told', async () => {
    const { raw } = await scene();
    const first = `GET / HTTP/1.1\r\n${HOST}\r\nX-Step: ${SHOW}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
    const answer = await raw(first + smuggled);
    expect(statuses(answer)).toEqual(['200']);
    expect(answer).toMatch(/^connection: close/im);
  });

  it('behind a refused upgrade of the host is never read', async () => {
    const { raw } = await scene();
    const upgrade = `GET /sockets/demo/shop/1 HTTP/1.1\r\n${HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
    expect(statuses(await raw(upgrade + smuggled))).toEqual(['401']);
  });
});

describe('an upgrade', () => {
  it.each(['h2c', 'HTTP/2.0', 'TLS/1.0', 'websocket, h2c'])('to %s leaves a request as it is', async (to) => {
    const { raw } = await scene();
    const lines = [HOST, `Upgrade: ${to}`, 'HTTP2-Settings: AAMAAABkAAQAAP__', `X-Step: ${SHOW}`];
    const answer = await raw(
      `GET / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings, close\r\n${lines.join('\r\n')}\r\n\r\n`,
    );
    expect(statuses(answer)).toEqual(['200']);
    expect(answer).not.toMatch(/^upgrade:/im);
  });

  it('by the preface of HTTP/2 is refused on a plain connection', async () => {
    const { raw } = await scene();
    expect(statuses(await raw('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'))).toEqual(['400']);
  });
});

describe('headers', () => {
  it.each([101, 1_000])('of %i lines are refused, and not cut', async (count) => {
    const { get } = await scene();
    const lines = Array.from({ length: count }, (_, at) => `X-${at}: y`);
    expect(['400', '431']).toContain(statuses(await get('/', HOST, ...lines))[0]);
  });

  it('that no client may set for a component do not reach it', async () => {
    const { raw } = await scene();
    const show =
      "api.answer(out, request.headers().entries().map(([name, value]) => name + '=' + api.text(value)).join('|'))";
    const lines = [
      HOST,
      'X-Forwarded-For: 10.0.0.1',
      'Connection: close, X-Secret',
      'Proxy-Authorization: x',
      'TE: trailers',
      `X-Step: ${show}`,
    ];
    const answer = await raw(`GET / HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    expect(answer).toContain('x-forwarded-for=127.0.0.1');
    expect(answer).not.toMatch(/10\.0\.0\.1|proxy-authorization|te=trailers|connection=/);
  });

  it('of several cookies are one, as browsers send them over HTTP/2', async () => {
    const { raw } = await scene();
    const show = "api.answer(out, request.headers().get('cookie').map(api.text).join('|'))";
    const lines = [HOST, 'Connection: close', 'Cookie: a=1', 'X-Other: x', 'Cookie: b=2; c=3', `X-Step: ${show}`];
    expect(await raw(`GET / HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)).toContain('a=1; b=2; c=3');
  });

  it('that expect an interim answer get it, and others are refused', async () => {
    const { raw } = await scene();
    const post = (expected: string): string =>
      `POST / HTTP/1.1\r\n${HOST}\r\nExpect: ${expected}\r\nContent-Length: 2\r\nConnection: close\r\nX-Step: api.answer(out, api.read(request))\r\n\r\nhi`;
    expect(statuses(await raw(post('100-continue')))).toEqual(['100', '200']);
    expect(statuses(await raw(post('200-maybe')))).toEqual(['417']);
  });
});

describe('a page of another site', () => {
  it('gets no permission to ask, whatever it asks for', async () => {
    const { url } = await scene();
    for (const path of ['/-/v1/components', '/actors/demo/shop/1', '/-/mcp', '/-/openapi.json', '/-/metrics']) {
      const headers = { origin: 'https://evil.example', 'access-control-request-method': 'PUT' };
      const response = await fetch(`${url}${path}`, { method: 'OPTIONS', headers });
      expect([...response.headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
      await response.body?.cancel();
    }
  });

  it.each([
    ['origin', 'https://evil.example'],
    ['origin', 'null'],
    ['sec-fetch-site', 'cross-site'],
    ['sec-fetch-site', 'same-site'],
  ])('is refused with a valid token, by %s: %s', async (name, value) => {
    const { url, token } = await scene();
    const headers = { authorization: `Bearer ${token}`, [name]: value, 'content-type': 'text/plain' };
    for (const path of ['/actors/demo/shop/1', '/-/mcp']) {
      const response = await fetch(`${url}${path}`, { method: 'POST', headers, body: '{}' });
      expect(response.status).toBe(403);
      await response.body?.cancel();
    }
  });
});

describe('a session of MCP', () => {
  it('that a client chooses is neither taken nor given', async () => {
    const { url, token } = await scene();
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-session-id': 'chosen-by-somebody-else',
    };
    const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params });
    const response = await fetch(`${url}/-/mcp`, { method: 'POST', headers, body });
    expect(response.headers.get('mcp-session-id')).toBeNull();
    await response.body?.cancel();
    const without = await fetch(`${url}/-/mcp`, { method: 'POST', headers: { ...headers, authorization: '' }, body });
    expect(without.status).toBe(401);
    await without.body?.cancel();
  });
});

it('a client that sends thousands of requests at once takes no more places than a connection may have', async () => {
  const { open, get, runtime } = await scene();
  const requests = (): number => runtime.components()[0]?.requests ?? 0;
  const socket = await open();
  let most = 0;
  const waits = 'request.consume().stream().subscribe().block()';
  const one = `POST / HTTP/1.1\r\n${HOST}\r\nX-Step: ${waits}\r\nContent-Length: 0\r\n\r\n`;
  const watch = setInterval(() => {
    most = Math.max(most, requests());
  }, 1);
  socket.resume();
  socket.write(one.repeat(5_000));
  await new Promise<void>((resolve) => void socket.on('close', () => resolve()));
  clearInterval(watch);
  expect(most).toBeLessThanOrEqual(16);
  await expect.poll(requests).toBe(0);
  expect(await get('/', HOST)).toContain('component / of');
});

it('a few requests that a client sends at once are answered in order', async () => {
  const { raw } = await scene();
  const one = (path: string, connection: string): string =>
    `GET ${path} HTTP/1.1\r\n${HOST}\r\nX-Step: ${SHOW}\r\nConnection: ${connection}\r\n\r\n`;
  const answer = await raw(one('/1', 'keep-alive') + one('/2', 'keep-alive') + one('/3', 'close'));
  expect([...answer.matchAll(/component \/(\d)/g)].map(([, path]) => path)).toEqual(['1', '2', '3']);
});
