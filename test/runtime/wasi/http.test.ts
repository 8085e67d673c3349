import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { text } from 'node:stream/consumers';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { AuditEntry } from '#core/ports/audit';
import type { NameService } from '#core/ports/network';
import type { LoadOptions } from '#system';
import { type Guest, loadGuest, wasiGuest } from '../../support/wasi-guest.ts';

let component: Uint8Array;
beforeAll(async () => {
  component = await wasiGuest();
});

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A real HTTP server; a guest reaches it where its address is granted. */
async function server(handle: (request: Seen, response: ServerResponse) => void) {
  const seen: Seen[] = [];
  const http = createServer(async (request, response) => {
    const body = await text(request).catch(() => undefined);
    // A request that was broken off has no whole body.
    if (body === undefined) return;
    const one = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body };
    seen.push(one);
    handle(one, response);
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  const { port } = http.address() as AddressInfo;
  const connections = (): Promise<number> =>
    new Promise((resolve, reject) =>
      http.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
    );
  return { port, seen, connections, grant: `network:connect:http://127.0.0.1:${port}`, at: `127.0.0.1:${port}` };
}

/** Turns until the answer is there: a guest cannot wait, whoever calls it can. */
async function answered(guest: Guest): Promise<void> {
  await expect.poll(() => guest.value('return kept.future.subscribe().ready()')).toBe(true);
}

const TAKE = `const { tag, val } = kept.future.get();
  if (tag === 'err' || val.tag === 'err') return { failed: val?.val };
  kept.response = val.val; kept.body = val.val.consume();
  return { status: kept.response.status(), body: api.drain(kept.body.stream()),
    headers: kept.response.headers().entries().map(([name, value]) => name + ': ' + api.text(value)) };`;

describe.each(['direct', 'glue'] as const)('HTTP on the %s path', (calls) => {
  async function scene(grants: readonly string[], { names, ...load }: LoadOptions & { names?: NameService } = {}) {
    const entries: AuditEntry[] = [];
    const audit = { append: (entry: AuditEntry) => void entries.push(entry), close: async () => undefined };
    const overrides = { audit, ...(names === undefined ? {} : { names }) };
    const guest = await loadGuest(component, calls, { grants, ...load }, { overrides });
    onTestFinished(() => guest.runtime.close());
    const fetched = async (request: string) => {
      await guest.value(`kept.future = ${request}`);
      await answered(guest);
      return guest.value(TAKE);
    };
    return { ...guest, entries, fetched };
  }

  it('is begun in one turn and read in a later one', async () => {
    const asked = Promise.withResolvers<void>();
    const { port, seen, grant, at } = await server(async ({ path }, response) => {
      await asked.promise;
      response.writeHead(201, [
        ['X-Own', 'a'],
        ['X-Own', 'b'],
      ]);
      response.end(`you asked for ${path}`);
    });
    const guest = await scene([grant]);
    expect(guest.runtime.usage(guest.handle).calls).toBe(calls);
    expect(
      await guest.value(`kept.future = api.request('http://${at}/x?y=1', { headers: [['x-a', '1'], ['x-a', '2']] });
      return [kept.future.subscribe().ready(), kept.future.get() ?? 'nothing yet']`),
    ).toEqual([false, 'nothing yet']);
    asked.resolve();
    await answered(guest);
    const answer = await guest.value(TAKE);
    expect(answer).toMatchObject({ status: 201, body: 'you asked for /x?y=1' });
    expect((answer as { headers: string[] }).headers).toEqual(expect.arrayContaining(['x-own: a', 'x-own: b']));
    expect(seen).toMatchObject([{ method: 'GET', headers: { host: `127.0.0.1:${port}`, 'x-a': '1, 2' } }]);
    expect(await guest.value('return kept.future.get()')).toEqual({ tag: 'err' });
  });

  it('sends a body that is written in several turns', async () => {
    const { seen, grant, at } = await server((_, response) => response.end());
    const guest = await scene([grant]);
    await guest.value(`const request = new api.OutgoingRequest(new api.Fields());
      request.setMethod({ tag: 'post' }); request.setScheme({ tag: 'HTTP' }); request.setAuthority('${at}');
      kept.sent = request.body(); kept.stream = kept.sent.write();
      kept.future = api.handle(request, undefined);
      kept.stream.write(api.bytes('first, '));`);
    expect(await guest.value('return kept.future.subscribe().ready()')).toBe(false);
    await guest.value(`kept.stream.blockingWriteAndFlush(api.bytes('second'));
      kept.stream[Symbol.dispose](); api.OutgoingBody.finish(kept.sent, undefined)`);
    await answered(guest);
    expect(await guest.value(TAKE)).toMatchObject({ status: 200 });
    expect(seen).toMatchObject([{ method: 'POST', path: '/', body: 'first, second' }]);
  });

  it.each([
    ['pollable.block', 'kept.future.subscribe().block()'],
    ['poll with nothing ready', 'api.poll([kept.future.subscribe()])'],
  ])('is waited for by %s, which ends the store on the glue path', async (_, waits) => {
    const { connections, grant, at } = await server(() => {});
    const guest = await scene([grant]);
    await guest.value(`kept.future = api.request('http://${at}/')`);
    await expect.poll(connections).toBe(1);
    const waiting = guest.step(waits);
    if (calls === 'glue') await expect(waiting).rejects.toMatchObject({ code: 'RUNTIME_WOULD_BLOCK' });
    else {
      await expect.poll(() => guest.runtime.state(guest.handle)).toBe('waiting');
      const ended = expect(waiting).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' });
      await guest.runtime.unload(guest.handle);
      await ended;
    }
    // What the store had begun ends with it.
    await expect.poll(connections).toBe(0);
  });

  it('is refused where it is not granted: the guest is told, an event and the audit log too', async () => {
    const { seen, at, port } = await server((_, response) => response.end());
    const guest = await scene(['network:connect:https://api.example.com', `network:connect:https://127.0.0.1:${port}`]);
    const denied = { err: { tag: 'HTTP-request-denied' } };
    for (const url of [
      `http://${at}/`,
      'http://api.example.com/',
      'https://api.example.com:444/',
      'https://example.com/',
    ]) {
      expect(await guest.step(`api.request('${url}')`), url).toMatchObject(denied);
    }
    expect(seen).toEqual([]);
    expect(guest.denied).toContain(`network:connect:http://127.0.0.1:${port}`);
    expect(guest.denied).toHaveLength(4);
    expect(guest.entries).toContainEqual(
      expect.objectContaining({ action: 'network:connect', target: `http://127.0.0.1:${port}`, outcome: 'denied' }),
    );
  });

  it('stops at the next request when the grant is revoked', async () => {
    const { grant, at } = await server((_, response) => response.end());
    const guest = await scene([grant]);
    expect(await guest.fetched(`api.request('http://${at}/')`)).toMatchObject({ status: 200 });
    guest.runtime.revoke(guest.handle, grant);
    expect(await guest.step(`api.request('http://${at}/')`)).toMatchObject({ err: { tag: 'HTTP-request-denied' } });
  });

  it('checks each hop of a redirect again, and sends nothing on to another origin', async () => {
    const other = await server((_, response) => response.end('other'));
    const first = await server(({ path }, response) => {
      response.writeHead(302, { location: path === '/own' ? '/final' : `http://${other.at}/final` });
      response.end();
    });
    const strict = await scene([first.grant]);
    expect(await strict.fetched(`api.request('http://${first.at}/')`)).toEqual({
      failed: { tag: 'HTTP-request-denied' },
    });
    expect(other.seen).toEqual([]);
    expect(strict.denied).toEqual([other.grant]);
    const wide = await scene([first.grant, other.grant]);
    const headers = "{ headers: [['authorization', 'Bearer secret'], ['cookie', 'c']] }";
    expect(await wide.fetched(`api.request('http://${first.at}/', ${headers})`)).toMatchObject({ body: 'other' });
    expect(other.seen[0]?.headers).not.toHaveProperty('authorization');
    expect(other.seen[0]?.headers).not.toHaveProperty('cookie');
  });

  it('goes where a name led when it was checked, and to no private address by a name', async () => {
    const { grant, port, seen } = await server((_, response) => response.end('pinned'));
    let asked = 0;
    // Stands for a name service whose owner answers the host's own address, which cannot be had in a test.
    const lookUp = async () => {
      asked += 1;
      return [asked === 1 ? '127.0.0.1' : '93.184.216.34'];
    };
    const names = { lookUp };
    const named = `network:connect:http://rebinding.example:${port}`;
    const strict = await scene([named], { names });
    const request = `api.request('http://rebinding.example:${port}/')`;
    expect(await strict.fetched(request)).toEqual({ failed: { tag: 'HTTP-request-denied' } });
    expect(seen).toEqual([]);
    asked = 0;
    const wide = await scene([named, grant], { names });
    expect(await wide.fetched(request)).toMatchObject({ body: 'pinned' });
    expect(asked).toBe(1);
    expect(seen).toMatchObject([{ headers: { host: `rebinding.example:${port}` } }]);
  });

  it.each(['2130706433', '0177.0.0.1', '0x7f.1', '[::ffff:127.0.0.1]', '[::1]', '169.254.169.254', 'localhost'])(
    'does not reach the host as %s, whatever names are granted',
    async (host) => {
      const { port, seen } = await server((_, response) => response.end());
      const guest = await scene(['network:connect:*://**:*', 'network:connect:**']);
      const { err } = await guest.step(`kept.future = api.request('http://${host}:${port}/')`);
      if (err === undefined) {
        await answered(guest);
        expect(await guest.value(TAKE)).toEqual({ failed: { tag: 'HTTP-request-denied' } });
      } else expect(err).toEqual({ tag: 'HTTP-request-denied' });
      expect(seen).toEqual([]);
      expect(guest.denied).toHaveLength(1);
    },
  );

  it("tells what went wrong in the interface's own words", async () => {
    const { grant, at } = await server(({ path }, response) => {
      if (path === '/loop') response.writeHead(302, { location: '/loop' }).end();
      else if (path === '/cut') response.destroy();
    });
    const guest = await scene([grant, 'network:connect:http://127.0.0.1:1']);
    const failed = async (url: string) => ((await guest.fetched(`api.request('${url}')`)) as { failed: object }).failed;
    expect(await failed('http://127.0.0.1:1/')).toEqual({ tag: 'connection-refused' });
    expect(await failed(`http://${at}/loop`)).toEqual({ tag: 'loop-detected' });
    expect(await failed(`http://${at}/cut`)).toEqual({ tag: 'connection-terminated' });
    const silent = `(() => { const options = new api.RequestOptions(); options.setFirstByteTimeout(20000000);
      const request = new api.OutgoingRequest(new api.Fields()); request.setScheme({ tag: 'HTTP' });
      request.setAuthority('${at}'); request.setPathWithQuery('/silent'); return api.handle(request, options) })()`;
    expect(await guest.fetched(silent)).toEqual({ failed: { tag: 'HTTP-response-timeout' } });
  });

  it('takes no header that belongs to the connection, and no line break', async () => {
    const guest = await scene([]);
    const headerError = (name: string, value: string) =>
      guest.step(`new api.Fields().append(${JSON.stringify(name)}, api.bytes(${JSON.stringify(value)}))`);
    for (const name of ['Host', 'connection', 'Transfer-Encoding', 'upgrade', 'proxy-authorization']) {
      expect(await headerError(name, 'x'), name).toMatchObject({ err: { tag: 'forbidden' } });
    }
    expect(await headerError('a', 'b\r\nc: d')).toMatchObject({ err: { tag: 'invalid-syntax' } });
    expect(await headerError('a b', 'c')).toMatchObject({ err: { tag: 'invalid-syntax' } });
    expect(
      await guest.step('new api.OutgoingRequest(new api.Fields()).headers().append("a", api.bytes("b"))'),
    ).toMatchObject({ err: { tag: 'immutable' } });
    for (const authority of ['a@b', 'a/b', 'a b', 'a\\b', 'a#b', 'a:99999999']) {
      const set = `new api.OutgoingRequest(new api.Fields()).setAuthority(${JSON.stringify(authority)}); return 'set'`;
      expect((await guest.step(set)).ok, authority).toBeUndefined();
    }
  });

  it('keeps names and values of headers as they were given', async () => {
    const guest = await scene([]);
    expect(
      await guest.value(`const fields = api.Fields.fromList([['A', api.bytes('1')], ['a', api.bytes('2')], ['b', api.bytes('\\xff')]]);
        const copy = fields.clone(); fields.delete('B'); fields.set('c', [api.bytes('3'), api.bytes('4')]);
        return [fields.get('a'), fields.has('b'), fields.entries().map(([name]) => name), copy.get('B')]`),
    ).toEqual([[[49], [50]], false, ['A', 'a', 'c', 'c'], [[255]]]);
  });

  it('has a bounded number of exchanges at a time, and gets them back', async () => {
    const { connections, grant, at } = await server(() => {});
    const guest = await scene([grant]);
    const many = `kept.all = []; for (let i = 0; i < 20; i++) kept.all.push(api.request('http://${at}/'))`;
    expect(await guest.step(many)).toMatchObject({ err: { tag: 'connection-limit-reached' } });
    await expect.poll(connections).toBe(8);
    await guest.value('kept.all.splice(0, 3).forEach((each) => each[Symbol.dispose]())');
    await expect.poll(connections).toBe(5);
    await guest.value(`kept.all.push(api.request('http://${at}/'))`);
    await guest.runtime.unload(guest.handle);
    await expect.poll(connections).toBe(0);
  });

  it('keeps a body of bounded size, and takes no more before somebody reads it', async () => {
    const guest = await scene([]);
    const body = `const request = new api.OutgoingRequest(new api.Fields());
      const body = request.body(); const stream = body.write();
      let written = 0; const some = new Uint8Array(65536);
      for (let room; (room = Number(stream.checkWrite())) > 0; written += room) stream.write(some.subarray(0, room));
      return [written, stream.subscribe().ready()]`;
    expect(await guest.value(body)).toEqual([2 ** 16, false]);
  });

  it.each([
    ['less', '3', 'ab'],
    ['more', '3', 'abcd'],
  ])('fails a body that has %s bytes than its length says, and the exchange with it', async (_, length, text) => {
    const { seen, grant, at } = await server((_request, response) => response.end());
    const guest = await scene([grant]);
    const sent = `const request = new api.OutgoingRequest(api.Fields.fromList([['content-length', api.bytes('${length}')]]));
      request.setMethod({ tag: 'post' }); request.setScheme({ tag: 'HTTP' }); request.setAuthority('${at}');
      const body = request.body(); const stream = body.write();
      kept.future = api.handle(request, undefined);
      try { stream.write(api.bytes('${text}')); stream[Symbol.dispose](); api.OutgoingBody.finish(body, undefined); }
      catch (error) { const { payload } = error; return payload.tag === 'last-operation-failed' ? api.httpErrorCode(payload.val) : payload; }`;
    const told = { tag: 'HTTP-request-body-size', val: text.length };
    expect(await guest.value(sent)).toEqual(told);
    await answered(guest);
    expect(await guest.value(TAKE)).toEqual({ failed: told });
    expect(seen).toEqual([]);
  });
});

describe('HTTP that streams', () => {
  async function scene(handle: (request: IncomingMessage, response: ServerResponse) => void, load: LoadOptions = {}) {
    const http = createServer(handle);
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    onTestFinished(() => {
      http.closeAllConnections();
      http.close();
    });
    const at = `127.0.0.1:${(http.address() as AddressInfo).port}`;
    const guest = await loadGuest(component, 'direct', { grants: [`network:connect:http://${at}`], ...load });
    onTestFinished(() => guest.runtime.close());
    const connections = (): Promise<number> =>
      new Promise((resolve, reject) =>
        http.getConnections((error, n) => (error === null ? resolve(n) : reject(error))),
      );
    return { ...guest, at, connections };
  }

  /** A request with a body that is written under way; `stream` is where, `future` what comes of it. */
  const POST = (at: string) => `const request = new api.OutgoingRequest(new api.Fields());
    request.setMethod({ tag: 'post' }); request.setScheme({ tag: 'HTTP' }); request.setAuthority('${at}');
    const body = request.body(), stream = body.write(), future = api.handle(request, undefined);`;
  const HEAD = `future.subscribe().block(); const response = future.get().val.val, incoming = response.consume(), input = incoming.stream();`;
  /** Reads to the end; answers how many bytes and what came in their place. */
  const READ = `let bytes = 0; const drain = (from) => { try { for (;;) bytes += from.blockingRead(65536).length; }
    catch ({ payload }) { return payload.tag === 'closed' ? 'end' : api.httpErrorCode(payload.val).tag; } };`;

  it('sends and receives at the same time more than is ever held, in one turn', async () => {
    const guest = await scene((request, response) => {
      response.flushHeaders();
      request.pipe(response);
    });
    const echoed = await guest.value(`${POST(guest.at)} ${HEAD}
      const some = new Uint8Array(65536).fill(7); let [written, read, same] = [0, 0, true];
      const total = 1_000_000;
      while (read < total) {
        const places = written < total ? [input.subscribe(), stream.subscribe()] : [input.subscribe()];
        for (const place of api.poll(places)) {
          if (place === 1) {
            const room = Math.min(Number(stream.checkWrite()), total - written);
            stream.write(some.subarray(0, room)); written += room;
            if (written === total) { stream[Symbol.dispose](); api.OutgoingBody.finish(body, undefined); }
          } else { const got = input.read(65536); read += got.length; same &&= got.length === 0 || (got[0] === 7 && got[got.length - 1] === 7); }
        }
        places.forEach((each) => each[Symbol.dispose]());
      }
      return [read, same];`);
    expect(echoed).toEqual([1_000_000, true]);
  });

  it('lets a server wait for a guest that does not read, and goes on when it does', async () => {
    let sent = 0;
    const total = 12_000_000;
    const guest = await scene((_, response) => {
      const some = Buffer.alloc(50_000);
      const go = (): void => {
        while (sent < total) {
          sent += some.length;
          if (!response.write(some)) return void response.once('drain', go);
        }
        response.end();
      };
      go();
    });
    await guest.value(`kept.future = api.request('http://${guest.at}/'); kept.future.subscribe().block()`);
    const stuck = async (): Promise<boolean> => {
      const before = sent;
      for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate);
      return before === sent;
    };
    await expect.poll(stuck).toBe(true);
    expect(sent).toBeLessThan(total);
    expect(await guest.value(`const future = kept.future; ${HEAD} ${READ} return [drain(input), bytes]`)).toEqual([
      'end',
      total,
    ]);
  });

  it('gives and takes trailers, and passes over what comes before the answer', async () => {
    const guest = await scene((request, response) => {
      response.writeEarlyHints({ link: '</x>; rel=preload' });
      request.resume().on('end', () => {
        response.writeHead(200, { trailer: 'x-sum' });
        response.write('body');
        response.addTrailers({ 'x-sum': request.trailers['x-own'] ?? 'none' });
        response.end();
      });
    });
    const trailers = await guest.value(`${POST(guest.at)} stream.write(api.bytes('up')); stream[Symbol.dispose]();
      api.OutgoingBody.finish(body, api.Fields.fromList([['x-own', api.bytes('mine')]]));
      ${HEAD} ${READ} const end = drain(input); input[Symbol.dispose]();
      const late = api.IncomingBody.finish(incoming); late.subscribe().block();
      return [response.status(), end, bytes, late.get().val.val.entries().map(([name, value]) => [name, api.text(value)]), late.get()]`);
    expect(trailers).toEqual([200, 'end', 4, [['x-sum', 'mine']], { tag: 'err' }]);
  });

  it.each([
    ['unread', 'end', 10],
    ['endless', 'cut', 10_000_000],
  ])('gives the trailers of a body that is left %s, or ends it', async (_, end, length) => {
    const guest = await scene((_request, response) => {
      response.on('close', () => {});
      response.write(Buffer.alloc(length));
      response.addTrailers({ 'x-sum': '1' });
      if (end === 'end') response.end();
    });
    const entries =
      await guest.value(`const future = api.request('http://${guest.at}/'); ${HEAD} input[Symbol.dispose]();
      const late = api.IncomingBody.finish(incoming); late.subscribe().block(); return late.get().val`);
    expect(entries).toMatchObject({ tag: 'ok' });
    await guest.value('0');
    // The connection of an answer that ended is kept for the next request.
    await expect.poll(guest.connections).toBe(end === 'end' ? 1 : 0);
  });

  it('tells what a server did that stops in the middle of its answer, after what came of it', async () => {
    const guest = await scene((_, response) => {
      response.write('some');
      setImmediate(() => response.destroy());
    });
    const told =
      await guest.value(`const future = api.request('http://${guest.at}/'); ${HEAD} ${READ} const end = drain(input);
      input[Symbol.dispose](); const late = api.IncomingBody.finish(incoming); late.subscribe().block();
      return [end, bytes, late.get().val.val.tag]`);
    expect(told).toEqual(['connection-terminated', 4, 'connection-terminated']);
  });

  it('tells who writes a body that its server has gone', async () => {
    const guest = await scene((request) => void request.socket.destroy());
    const told = await guest.value(`${POST(guest.at)} future.subscribe().block();
      const failed = future.get().val.val.tag;
      try { for (;;) stream.blockingWriteAndFlush(new Uint8Array(65536)); } catch ({ payload }) { return [failed, payload.tag] }`);
    expect(told).toEqual(['connection-terminated', 'closed']);
  });

  it('waits for a peer that has closed its half, or answers byte by byte', async () => {
    const tcp = createTcp({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {});
      socket.once('data', async () => {
        for (const byte of 'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nslow') {
          socket.write(byte);
          await new Promise(setImmediate);
        }
        socket.end();
      });
    });
    tcp.listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    onTestFinished(() => void tcp.close());
    const { port } = tcp.address() as AddressInfo;
    const guest = await scene(() => {}, { grants: [`network:connect:http://127.0.0.1:${port}`] });
    expect(
      await guest.value(
        `const future = api.request('http://127.0.0.1:${port}/'); ${HEAD} ${READ} return [drain(input), bytes]`,
      ),
    ).toEqual(['end', 4]);
  });

  it('ends a connection whose guest ends while it waits for bytes', async () => {
    const guest = await scene((_, response) => void response.write('first'));
    const ended = expect(
      guest.step(`const future = api.request('http://${guest.at}/'); ${HEAD} ${READ} drain(input)`),
    ).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' });
    await expect.poll(() => guest.runtime.state(guest.handle)).toBe('waiting');
    await expect.poll(guest.connections).toBe(1);
    await guest.runtime.unload(guest.handle);
    await ended;
    await expect.poll(guest.connections).toBe(0);
  });
});
