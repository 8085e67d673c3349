import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { HttpLimits, HttpRequest, HttpResponse } from '#core/ports/network';
import { BytePipe, PIPE_BYTES } from '#core/waiting';
import { guardedFetch as fetchFor, KeptConnections, NetworkGuard, UnusedConnections } from '#security/access';
import { Authority, CapabilitySet } from '#security/authority';
import { RESERVED } from '../../src/security/access/http/sent-request.ts';
import { systemClock } from '../../src/system/clock.ts';
import { TestClock } from '../../src/testing/clock.ts';
import { drained, filled } from '../support/byte-pipes.ts';

const denied = expect.objectContaining({ code: 'SECURITY_PERMISSION_DENIED' });
const failed = expect.objectContaining({ code: 'SECURITY_NETWORK_FAILED' });

/** Stands for the network's name service, which cannot be had in a test: names answer what they are told to, in turn. */
function names(answers: Readonly<Record<string, readonly (readonly string[])[]>>) {
  const asked: string[] = [];
  const lookUp = async (name: string) => {
    const turns = answers[name];
    if (turns === undefined) throw new Error('ENOTFOUND');
    const turn = asked.filter((each) => each === name).length;
    asked.push(name);
    return turns[Math.min(turn, turns.length - 1)] as readonly string[];
  };
  return { asked, lookUp };
}

function guard(grants: readonly string[], answers: Parameters<typeof names>[0] = {}) {
  const { asked, lookUp } = names(answers);
  const capabilities = CapabilitySet.of(grants, new TestClock());
  return {
    asked,
    guard: new NetworkGuard(new Authority({ component: 'demo/a/1', capabilities }), systemClock, { lookUp }),
  };
}

const kept = new WeakMap<NetworkGuard, KeptConnections>();

/** Each guard is a component's, with connections of its own. */
function guardedFetch(own: NetworkGuard, request: HttpRequest, limits?: HttpLimits): Promise<HttpResponse> {
  const connections = kept.get(own) ?? new KeptConnections(new UnusedConnections(systemClock));
  kept.set(own, connections);
  return fetchFor({ guard: own, connections }, request, limits);
}

/** A real HTTP server on this machine; a test reaches it under any name by granting its address. */
async function server(handle: (request: IncomingMessage, response: ServerResponse, body: string) => void) {
  const seen: { path: string; headers: IncomingMessage['headers']; method: string; body: string }[] = [];
  const http = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    seen.push({ path: request.url ?? '', headers: request.headers, method: request.method ?? '', body });
    handle(request, response, body);
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  return { port: (http.address() as AddressInfo).port, seen };
}

describe('network guard', () => {
  it('admits a name that is granted, at the addresses that it has now', async () => {
    const { guard: own } = guard(['network:connect:https://api.example.com'], {
      'api.example.com': [['93.184.216.34', '2606:2800::1']],
    });
    const { endpoint, addresses } = await own.admit('https://API.example.com.:443');
    expect(endpoint).toEqual({ scheme: 'https', host: 'api.example.com', port: 443, isAddress: false });
    expect(addresses).toEqual(['93.184.216.34', '2606:2800::1']);
  });

  it.each([
    'https://other.example.com',
    'http://api.example.com',
    'https://api.example.com:8443',
    'https://api.example.com.evil.com',
    'https://93.184.216.34',
    'tcp://api.example.com:443',
    'https://аpi.example.com',
    'https://api.example.com@evil.com',
    'https://api.example.com/path',
    'file:///etc/passwd',
    '',
  ])('refuses %j, and does not even look it up', async (target) => {
    const { guard: own, asked } = guard(['network:connect:https://api.example.com']);
    await expect(own.admit(target)).rejects.toThrow(denied);
    expect(asked).toEqual([]);
  });

  it.each(['127.0.0.1', '10.1.2.3', '169.254.169.254', '::1', '::ffff:10.0.0.1', 'fd00::1', '0.0.0.0'])(
    'refuses a granted name that leads to %s',
    async (address) => {
      const { guard: own } = guard(['network:connect:**'], { 'api.example.com': [[address]] });
      await expect(own.admit('https://api.example.com')).rejects.toThrow(denied);
    },
  );

  it.each([
    'http://127.0.0.1',
    'http://127.1',
    'http://2130706433',
    'http://0177.0.0.1',
    'http://[::ffff:127.0.0.1]',
    'http://[::1]',
    'http://169.254.169.254',
  ])('refuses %s however wide the grant, unless it names the address', async (target) => {
    const { guard: own } = guard(['network:connect:**', 'network:connect:*://**:*']);
    await expect(own.admit(target)).rejects.toThrow(denied);
    const { guard: granted } = guard([`network:connect:${target}`]);
    expect((await granted.admit(target)).addresses).toHaveLength(1);
  });

  it('uses those of several addresses that may be reached', async () => {
    const { guard: own } = guard(['network:connect:**'], { 'a.example': [['10.0.0.1', '1.1.1.1']] });
    expect((await own.admit('https://a.example')).addresses).toEqual(['1.1.1.1']);
  });

  it('lets a name lead to a private address that is granted by itself, on that port alone', async () => {
    const { guard: own } = guard(['network:connect:http://db.internal:*', 'network:connect:http://10.0.0.5:8080'], {
      'db.internal': [['10.0.0.5']],
    });
    expect((await own.admit('http://db.internal:8080')).addresses).toEqual(['10.0.0.5']);
    await expect(own.admit('http://db.internal:9090')).rejects.toThrow(denied);
    await expect(own.admit('http://10.0.0.5:9090')).rejects.toThrow(denied);
  });

  it('says so when a name has no address', async () => {
    const { guard: own } = guard(['network:connect:**'], { 'none.example': [[]] });
    await expect(own.admit('https://none.example')).rejects.toThrow(failed);
    await expect(own.admit('https://unknown.example')).rejects.toThrow(failed);
  });
});

describe('guarded fetch', () => {
  it('costs a start nothing: HTTP is loaded with the first request', () => {
    const program = `await import('#security/access'); await import('#security/keys'); console.log(process.moduleLoadList.join())`;
    const loaded = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
    expect(loaded).toContain('NativeModule crypto');
    expect(loaded).not.toMatch(/NativeModule (https?|tls)\b/);
  });

  it('goes where the name led when it was checked, whatever it answers later', async () => {
    const { port, seen } = await server((_, response) => response.end('hello'));
    const { guard: own, asked } = guard(
      [`network:connect:http://a.example:${port}`, `network:connect:http://127.0.0.1:${port}`],
      { 'a.example': [['127.0.0.1'], ['10.255.255.1']] },
    );
    const response = await guardedFetch(own, { url: `http://a.example:${port}/x?y=1`, headers: [['x-own', 'v']] });
    expect(response.status).toBe(200);
    expect(String(await drained(response.body))).toBe('hello');
    expect(asked).toEqual(['a.example']);
    expect(seen).toMatchObject([{ path: '/x?y=1', headers: { host: `a.example:${port}`, 'x-own': 'v' } }]);
  });

  it('checks every hop of a redirect again', async () => {
    const { port, seen } = await server((request, response) => {
      const target = { '/': '/second', '/second': `http://b.example:${port}/third` }[request.url ?? ''];
      response.writeHead(target === undefined ? 200 : 302, target === undefined ? {} : { location: target }).end();
    });
    const grants = [`network:connect:http://a.example:${port}`, `network:connect:http://127.0.0.1:${port}`];
    const answers = { 'a.example': [['127.0.0.1']], 'b.example': [['127.0.0.1']] };
    await expect(guardedFetch(guard(grants, answers).guard, { url: `http://a.example:${port}/` })).rejects.toThrow(
      denied,
    );
    expect(seen.map(({ path }) => path)).toEqual(['/', '/second']);
    const wider = guard([...grants, `network:connect:http://b.example:${port}`], answers).guard;
    expect(await guardedFetch(wider, { url: `http://a.example:${port}/` })).toMatchObject({
      status: 200,
      url: `http://b.example:${port}/third`,
    });
  });

  it('sends no headers and no body on to another host', async () => {
    const { port, seen } = await server((request, response) => {
      if (request.url === '/') response.writeHead(307, { location: `http://b.example:${port}/other` });
      response.end();
    });
    const grants = ['a.example', 'b.example', '127.0.0.1'].map((host) => `network:connect:http://${host}:${port}`);
    const { guard: own } = guard(grants, { 'a.example': [['127.0.0.1']], 'b.example': [['127.0.0.1']] });
    const headers = { authorization: 'Bearer secret', cookie: 'c', 'x-api-key': 'k' };
    await guardedFetch(own, {
      url: `http://a.example:${port}/`,
      method: 'POST',
      headers: Object.entries(headers),
      body: filled(Buffer.from('secret')),
    });
    const [first, second] = seen;
    expect(first).toMatchObject({ method: 'POST', body: 'secret', headers });
    expect(second).toMatchObject({ path: '/other', method: 'GET', body: '' });
    expect(JSON.stringify(second)).not.toMatch(/secret|cookie|x-api-key/);
  });

  it.each([
    [303, 'POST', 'GET', ''],
    [307, 'POST', 'POST', 'b'],
    [302, 'GET', 'GET', ''],
  ])('follows %i of a %s on the same host as %s', async (status, method, then, body) => {
    const { port, seen } = await server((request, response) => {
      if (request.url === '/') response.writeHead(status, { location: '/next' });
      response.end();
    });
    const { guard: own } = guard([`network:connect:http://127.0.0.1:${port}`]);
    const sent = method === 'GET' ? undefined : filled(Buffer.from('b'));
    await guardedFetch(own, { url: `http://127.0.0.1:${port}/`, method, body: sent });
    expect(seen[1]).toMatchObject({ method: then, body });
  });

  it('ends after too many redirects, and is not begun for a caller who has left', async () => {
    const { port } = await server((request, response) => {
      if (request.url === '/loop') response.writeHead(302, { location: '/loop' }).end();
    });
    const { guard: own } = guard([`network:connect:http://127.0.0.1:${port}`]);
    const url = (path: string) => ({ url: `http://127.0.0.1:${port}${path}` });
    await expect(guardedFetch(own, url('/loop'))).rejects.toThrow(failed);
    await expect(guardedFetch(own, url('/silent'), { signal: AbortSignal.abort() })).rejects.toThrow(failed);
  });

  /** A server that answers what it is told to, byte for byte. */
  async function raw(answer: string | Buffer, then: 'end' | 'wait') {
    const tcp = createTcp((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => (then === 'end' ? socket.end(answer) : socket.write(answer)));
    });
    tcp.listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    onTestFinished(() => void tcp.close());
    const { port } = tcp.address() as AddressInfo;
    return { own: guard([`network:connect:http://127.0.0.1:${port}`]).guard, url: `http://127.0.0.1:${port}/` };
  }

  const chunked = (piece: string, count: number): Buffer =>
    Buffer.from(
      `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${`${piece.length.toString(16)}\r\n${piece}\r\n`.repeat(count)}0\r\n\r\n`,
    );
  const because = (reason: string) => expect.objectContaining({ details: { reason } });

  it('keeps no answer in pieces that cost more than they hold', async () => {
    const tiny = await raw(chunked('x', 500_000), 'end');
    const body = async (from: typeof tiny) => drained((await guardedFetch(from.own, from)).body);
    await expect(body(tiny)).rejects.toThrow(because('too-large'));
    const lines = await raw(chunked('x'.repeat(32), 50_000), 'end');
    expect(await body(lines)).toHaveLength(1_600_000);
    const short = await raw(chunked('x', 4_000), 'end');
    expect(await body(short)).toHaveLength(4_000);
  });

  it('asks before it keeps more of an answer, and ends where it may not', async () => {
    const { own, url } = await raw(chunked('x'.repeat(100_000), 10), 'end');
    const asked: number[] = [];
    const account = { take: (bytes: number) => asked.push(bytes) < 2, end: () => {} };
    const { body, closed } = await guardedFetch(own, { url }, { account });
    await closed;
    await expect(drained(body)).rejects.toThrow(because('too-large'));
    expect(asked).toHaveLength(2);
  });

  it.each([
    [
      'switches protocols unasked',
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
      'upgrade',
    ],
    ['closes without an answer', '', 'ECONNRESET'],
    ['closes within an answer', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx', 'ECONNRESET'],
  ])('ends when a server %s', async (_, answer, reason) => {
    const { own, url } = await raw(answer, reason === 'upgrade' ? 'wait' : 'end');
    const whole = guardedFetch(own, { url }).then(({ body }) => drained(body));
    await expect(whole).rejects.toThrow(because(reason));
  });

  it('looks nothing up for a request that was ended before, and each name once at a time', async () => {
    const asked: string[] = [];
    const answers = new Map<string, () => void>();
    const lookUp = (name: string) => {
      asked.push(name);
      return new Promise<string[]>((resolve) => answers.set(name, () => resolve(['1.1.1.1'])));
    };
    const capabilities = CapabilitySet.of(['network:connect:**'], new TestClock());
    const own = new NetworkGuard(new Authority({ component: 'demo/a/1', capabilities }), systemClock, { lookUp });
    const signal = AbortSignal.abort();
    await expect(guardedFetch(own, { url: 'http://ended.example' }, { signal })).rejects.toThrow(failed);
    expect(asked).toEqual([]);
    const all = Array.from({ length: 8 }, (_, i) => own.admit(`https://${i}.example`));
    const again = own.admit('https://0.example');
    await expect(own.admit('https://8.example')).rejects.toThrow(failed);
    expect(asked).toHaveLength(8);
    for (const answer of answers.values()) answer();
    expect(await Promise.all([...all, again])).toHaveLength(9);
    const later = own.admit('https://8.example');
    await expect.poll(() => asked).toHaveLength(9);
    answers.get('8.example')?.();
    expect((await later).addresses).toEqual(['1.1.1.1']);
  });

  it('sends a body as it is written, and lets its writer wait for a server that does not read', async () => {
    const received = Promise.withResolvers<IncomingMessage>();
    const http = createServer((request, response) => {
      request.pause();
      received.resolve(request);
      request.on('end', () => response.end(JSON.stringify(request.trailers)));
    });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    onTestFinished(() => {
      http.closeAllConnections();
      http.close();
    });
    const { port } = http.address() as AddressInfo;
    const { guard: own } = guard([`network:connect:http://127.0.0.1:${port}`]);
    const body = new BytePipe();
    const answer = guardedFetch(own, { url: `http://127.0.0.1:${port}/`, method: 'POST', body });
    const request = await received.promise;
    let written = 0;
    const some = Buffer.alloc(PIPE_BYTES, 'x');
    // What the system's own buffers take differs; that they end does not.
    const stuck = async (): Promise<boolean> => {
      const before = written;
      for (; body.room > 0; written += some.length) body.write(some);
      for (let turns = 0; turns < 20 && body.room === 0; turns++) await new Promise(setImmediate);
      return written === before && body.room === 0;
    };
    await expect.poll(stuck).toBe(true);
    expect(body.length).toBeLessThanOrEqual(2 * PIPE_BYTES);
    let read = 0;
    request.on('data', (piece: Uint8Array) => {
      read += piece.length;
    });
    request.resume();
    body.end([
      ['x-sum', 'abc'],
      ['content-length', '0'],
    ]);
    expect(String(await drained((await answer).body))).toBe('{"x-sum":"abc"}');
    expect(read).toBe(written);
  });

  it('hands over a redirect that would send a body again which is gone', async () => {
    const { port, seen } = await server((request, response) => {
      response.writeHead(request.url === '/see' ? 303 : 307, { location: '/next' }).end();
    });
    const { guard: own } = guard([`network:connect:http://127.0.0.1:${port}`]);
    const streamed = (path: string) => {
      const body = new BytePipe();
      body.write(Buffer.from('b'));
      setImmediate(() => setImmediate(() => body.end()));
      return guardedFetch(own, { url: `http://127.0.0.1:${port}${path}`, method: 'POST', body }, { maxRedirects: 1 });
    };
    expect(await streamed('/')).toMatchObject({ status: 307 });
    expect(seen).toMatchObject([{ path: '/', body: 'b' }]);
    // Of a redirect to what can be seen elsewhere the body is no part.
    await expect(streamed('/see')).rejects.toThrow(because('redirects'));
    expect(seen).toMatchObject([{ path: '/' }, { path: '/see' }, { path: '/next', method: 'GET', body: '' }]);
  });

  it('gives redirects to a caller who wants them', async () => {
    const { port } = await server((_, response) => response.writeHead(302, { location: 'http://b.example' }).end());
    const { guard: own } = guard([`network:connect:http://127.0.0.1:${port}`]);
    const response = await guardedFetch(own, { url: `http://127.0.0.1:${port}/` }, { maxRedirects: 0 });
    expect(response.status).toBe(302);
  });

  it.each(['ftp://127.0.0.1/', 'javascript:alert(1)', 'not a url', 'http://'])('refuses the URL %j', async (url) => {
    const { guard: own } = guard(['network:connect:**']);
    await expect(guardedFetch(own, { url })).rejects.toThrow(failed);
  });

  it('opens no tunnel', async () => {
    const { guard: own } = guard(['network:connect:http://127.0.0.1:80']);
    await expect(guardedFetch(own, { url: 'http://127.0.0.1/', method: 'connect' })).rejects.toThrow(failed);
  });

  it.each<[string, () => BytePipe | undefined]>([
    ['no body', () => undefined],
    ['a whole body', () => filled(Buffer.from('body'))],
    ['a body that streams', () => new BytePipe()],
  ])('takes no headers of the connection from a guest, with %s', async (_, made) => {
    const { port, seen } = await server((__, response) => response.end());
    const { guard: own } = guard([`network:connect:http://127.0.0.1:${port}`]);
    const headers = [...RESERVED].flatMap((name) => [[name, 'evil'] as const, [name.toUpperCase(), 'evil'] as const]);
    const body = made();
    const answered = guardedFetch(own, { url: `http://127.0.0.1:${port}/`, method: 'POST', headers, body });
    if (body?.isOpen === true) {
      body.write(Buffer.from('body'));
      while (body.length > 0) await body.changed.next();
      body.end();
    }
    await answered;
    expect(seen[0]?.headers).toMatchObject({ host: `127.0.0.1:${port}` });
    expect(JSON.stringify(seen[0]?.headers)).not.toContain('evil');
  });

  it('takes neither framing headers nor line breaks from a guest', async () => {
    const { port, seen } = await server((_, response) => response.end());
    const { guard: own } = guard([`network:connect:http://127.0.0.1:${port}`]);
    const url = `http://127.0.0.1:${port}/`;
    await guardedFetch(own, {
      url,
      headers: [
        ['Host', 'evil'],
        ['Transfer-Encoding', 'chunked'],
        ['Connection', 'upgrade'],
      ],
    });
    expect(seen[0]?.headers).toMatchObject({ host: `127.0.0.1:${port}` });
    expect(seen[0]?.headers['transfer-encoding']).toBeUndefined();
    await expect(guardedFetch(own, { url, headers: [['a', 'b\r\nc: d']] })).rejects.toThrow(failed);
    expect(seen).toHaveLength(1);
  });
});
