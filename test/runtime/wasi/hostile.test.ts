// What a hostile guest tries against files and HTTP; each test says what must hold.
import { once } from 'node:events';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { LoadOptions, RuntimeOptions } from '#system';
import { below } from '../../../src/runtime/wasi/filesystem/paths.ts';
import { scratchFolder } from '../../security/scratch.ts';
import { loadGuest, wasiGuest } from '../../support/wasi-guest.ts';

let component: Uint8Array;
beforeAll(async () => {
  component = await wasiGuest();
});

async function guestWith(load: LoadOptions, options?: RuntimeOptions) {
  const guest = await loadGuest(component, 'direct', load, options);
  onTestFinished(() => guest.runtime.close());
  return guest;
}

async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => void sockets.add(socket.on('error', () => {})));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const post = (port: number, path: string) => `const request = new api.OutgoingRequest(new api.Fields());
  request.setMethod({ tag: 'post' }); request.setScheme({ tag: 'HTTP' }); request.setAuthority('127.0.0.1:${port}');
  request.setPathWithQuery('${path}'); const body = request.body();
  (kept.all ??= []).push(api.handle(request, undefined)); api.OutgoingBody.finish(body, undefined);`;

const TRAP = { code: 'RUNTIME_TRAP' };
const KEPT = { code: 'RUNTIME_TRAP', message: expect.stringContaining('keep more than') };

/** A guest's request that was answered: whatever was begun before it has come to the server by then. */
async function fence(port: number): Promise<void> {
  const guest = await guestWith({ grants: [`network:connect:http://127.0.0.1:${port}`] });
  await guest.value(`kept.future = api.request('http://127.0.0.1:${port}/fence')`);
  await expect.poll(() => guest.value('return kept.future.subscribe().ready()')).toBe(true);
  await guest.runtime.unload(guest.handle);
}

describe('what the host keeps for a guest', () => {
  const FIELDS = `const all = []; const none = new Uint8Array(); for (let i = 0; i < 20000; i++) all.push(['a', none]);
    kept.fields = api.Fields.fromList(all); kept.all = [];`;

  it.each([
    ['clones of fields', `${FIELDS} for (;;) kept.all.push(kept.fields.clone())`],
    [
      'copies of headers',
      `${FIELDS} const one = new api.OutgoingRequest(kept.fields); for (;;) kept.all.push(one.headers())`,
    ],
    ['empty requests', 'kept.all = []; for (;;) kept.all.push(new api.OutgoingRequest(new api.Fields()))'],
    ['options', 'kept.all = []; for (;;) kept.all.push(new api.RequestOptions())'],
    [
      'pollables',
      `kept.all = []; const one = new api.OutgoingRequest(new api.Fields()).body().write();
        for (;;) kept.all.push(one.subscribe())`,
    ],
  ])('is bounded for %s, without any grant', async (_, step) => {
    const guest = await guestWith({});
    await expect(guest.step(step)).rejects.toMatchObject(KEPT);
  });

  it('is given back for what is dropped or handed over', async () => {
    const guest = await guestWith({});
    await guest.value(`${FIELDS} for (let i = 0; i < 200; i++) kept.fields.clone()[Symbol.dispose]()`);
    const handed = `const request = new api.OutgoingRequest(kept.fields.clone()); request.setAuthority('a.example');
      const body = request.body(); const stream = body.write();
      stream.write(new Uint8Array(Number(stream.checkWrite()))); stream[Symbol.dispose](); api.OutgoingBody.finish(body, undefined);
      try { api.handle(request, new api.RequestOptions()) } catch (error) { denied += 1 }`;
    expect(await guest.value(`let denied = 0; for (let i = 0; i < 100; i++) { ${handed} } return denied`)).toBe(100);
  });

  it('is bounded for bodies that are never sent, and given back with them', async () => {
    const guest = await guestWith({});
    const fill = `kept.all = []; const chunk = new Uint8Array(65536);
      try { for (;;) { const request = new api.OutgoingRequest(new api.Fields()); const body = request.body();
        const stream = body.write(); kept.all.push([request, body, stream]); stream.write(chunk) }
      } catch (error) { return [kept.all.length, api.httpErrorCode(error.payload.val).tag] }`;
    const drop =
      'for (const [request, body, stream] of kept.all) for (const each of [stream, body, request]) each[Symbol.dispose]()';
    expect(await guest.value(fill)).toEqual([252, 'internal-error']);
    await guest.value(drop);
    expect(await guest.value(fill)).toEqual([252, 'internal-error']);
  });

  it('is bounded for folders that are listed', async () => {
    const data = scratchFolder();
    for (let i = 0; i < 10; i++) writeFileSync(join(data, `${i}`), '');
    const guest = await guestWith({ grants: ['filesystem:read:/data/**'], preopens: { '/data': data } });
    const many = 'kept.all ??= []; for (;;) kept.all.push(api.root().readDirectory())';
    for (let i = 0; i < 3; i++) {
      expect(await guest.step(many)).toMatchObject({ err: 'insufficient-memory' });
      expect(await guest.value('return kept.all.length')).toBe(8);
      await guest.value('kept.all.pop()[Symbol.dispose]()');
    }
  });

  it('is bounded for a component whose memory is smaller still', async () => {
    const guest = await guestWith({ limits: { maxMemoryBytes: 12 * 2 ** 20 } });
    await guest.value('kept.all = []; for (let i = 0; i < 20000; i++) kept.all.push(new api.RequestOptions())');
    await expect(
      guest.step('for (let i = 0; i < 40000; i++) kept.all.push(new api.RequestOptions())'),
    ).rejects.toMatchObject({ code: expect.stringMatching(/^(RUNTIME_TRAP|METERING_)/) });
  });
});

describe('the thread', () => {
  it('is not held by one path of the size of a guest memory', () => {
    expect(() => below('/data', 'x/'.repeat(2_048))).not.toThrow();
    expect(() => below('/data', 'x/'.repeat(2_049))).toThrow('name-too-long');
  });

  it('is not held by a list of pollables', async () => {
    const guest = await guestWith({});
    const poll = (count: number) => `const request = new api.OutgoingRequest(new api.Fields());
      const one = request.body().write().subscribe(); return api.poll(Array(${count}).fill(one)).length`;
    expect(await guest.value(poll(4_096))).toBe(4_096);
    await expect(guest.step(poll(4_097))).rejects.toMatchObject(TRAP);
  });
});

describe('requests', () => {
  it.each(['get', 'delete', 'options', 'head', 'trace', 'post'])('frame the body of %s', async (method) => {
    const seen: object[] = [];
    const server = createHttp(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      seen.push({ method: request.method, length: request.headers['content-length'], body });
      response.end();
    });
    const port = await listening(server);
    // One slice: the body is whole before the request is sent. What is sent in pieces is chunked.
    const grants = [`network:connect:http://127.0.0.1:${port}`];
    const guest = await guestWith({ grants, scheduling: 'cooperative' });
    const smuggled = 'GET /admin HTTP/1.1\r\nHost: internal\r\n\r\n';
    const how = JSON.stringify({ method: { tag: method }, body: smuggled });
    await guest.value(`kept.future = api.request('http://127.0.0.1:${port}/', ${how})`);
    await expect.poll(() => guest.value('return kept.future.subscribe().ready()')).toBe(true);
    expect(seen).toEqual([{ method: method.toUpperCase(), length: String(smuggled.length), body: smuggled }]);
  });

  it('do not begin after the end of the store that asked for them', async () => {
    const seen: (string | undefined)[] = [];
    const server = createHttp(({ url }, response) => {
      seen.push(url);
      response.end();
    });
    const port = await listening(server);
    // A slice that ends between the request and the trap would let the request begin while its store lives.
    const guest = await guestWith({ grants: [`network:connect:http://127.0.0.1:${port}`], scheduling: 'cooperative' });
    await expect(guest.step(`${post(port, '/zombie')} api.poll([])`)).rejects.toMatchObject(TRAP);
    await fence(port);
    expect(seen).toEqual(['/fence']);
  });

  it('of stores for one call end with them, and with the component', async () => {
    const server = createHttp(({ url }, response) => {
      if (url === '/fence') response.end();
    });
    const port = await listening(server);
    const guest = await guestWith({ grants: [`network:connect:http://127.0.0.1:${port}`], store: 'per-call' });
    for (let i = 0; i < 20; i++) await guest.value(`for (let i = 0; i < 8; i++) { ${post(port, '/percall')} }`);
    await guest.runtime.unload(guest.handle);
    await fence(port);
    const open = () => new Promise((resolve) => server.getConnections((_, connections) => resolve(connections)));
    await expect.poll(open).toBe(0);
  });

  it('are not begun by a store that the account of what is kept has ended', async () => {
    const names = { lookUp: () => Promise.reject(new Error('no such name')) };
    const grants = ['network:connect:tcp://granted.example:1'];
    // All of them in one slice: a look-up that has failed leaves its place to the next one.
    const guest = await guestWith({ grants }, { overrides: { names }, scheduling: 'cooperative' });
    // A look-up that fails after the end of its store must not be a rejection that nobody handles.
    const step = `kept.all = []; const network = api.instanceNetwork();
      for (;;) kept.all.push(api.resolveAddresses(network, 'granted.example'))`;
    expect(await guest.step(step)).toMatchObject({ err: 'temporary-resolver-failure' });
    await expect.poll(() => guest.value('return kept.all.every((each) => each.subscribe().ready())')).toBe(true);
    await guest.value(`for (const each of kept.all) each[Symbol.dispose]();
      kept.all = []; for (let i = 0; i < 65450; i++) kept.all.push(new api.RequestOptions())`);
    const full = 'for (;;) kept.all.push(api.resolveAddresses(api.instanceNetwork(), "granted.example"))';
    await expect(guest.step(full)).rejects.toMatchObject(KEPT);
    await expect(guestWith({})).resolves.toBeDefined();
  });

  it('and sockets that were dropped while they connect count until that has ended', async () => {
    const port = await listening(createTcp());
    // Within one slice: between two slices of a preemptive turn those before have ended.
    const grants = [`network:connect:tcp://127.0.0.1:${port}`];
    const guest = await guestWith({ grants, scheduling: 'cooperative' });
    const many = `let count = 0; try { for (;;) { const socket = api.createTcpSocket('ipv4');
      socket.startConnect(api.instanceNetwork(), { tag: 'ipv4', val: { port: ${port}, address: [127, 0, 0, 1] } });
      socket[Symbol.dispose](); count += 1 } } catch (error) { return [count, error.payload] }`;
    expect(await guest.value(many)).toEqual([16, 'new-socket-limit']);
    await expect.poll(() => guest.value(many)).toEqual([16, 'new-socket-limit']);
  });

  it('have a bounded number of names looked up at a time, dropped ones included', async () => {
    const lookUps: string[] = [];
    const names = {
      lookUp: (name: string) => {
        lookUps.push(name);
        return new Promise<never>(() => {});
      },
    };
    const grants = ['network:connect:https://*.example.com:443'];
    // Where a slice ends, the host lets go of what was dropped until then.
    const guest = await guestWith({ grants }, { overrides: { names }, scheduling: 'cooperative' });
    const one = "api.request('https://api.example.com/')[Symbol.dispose]()";
    const full = { err: { tag: 'connection-limit-reached' } };
    expect(await guest.step(`for (;;) ${one}`)).toMatchObject(full);
    expect(lookUps).toEqual(['api.example.com']);
    for (let turn = 0; turn < 5; turn++) {
      const some = `for (let i = 0; ; i++) api.request('https://${turn}-' + i + '.example.com/')[Symbol.dispose]()`;
      await expect.poll(() => guest.step(some)).toMatchObject(full);
    }
    expect(lookUps).toHaveLength(8);
  });
});

describe('folders', () => {
  it('that were opened cannot be removed themselves', async () => {
    const data = join(scratchFolder(), 'data');
    mkdirSync(data);
    const guest = await guestWith({ grants: ['filesystem:*:/data/**'], preopens: { '/data': data } });
    expect(await guest.step("api.root().removeDirectoryAt('.')")).toMatchObject({ err: 'busy' });
    expect(existsSync(data)).toBe(true);
  });

  it('under another do not lend their grant to what they hide', async () => {
    const root = scratchFolder();
    mkdirSync(join(root, 'outer', 'own'), { recursive: true });
    mkdirSync(join(root, 'inner'));
    writeFileSync(join(root, 'outer', 'own', 'secret'), 'hidden');
    symlinkSync('own', join(root, 'outer', 'link'));
    const guest = await guestWith({
      grants: ['filesystem:read:/data/own/**'],
      preopens: { '/data': join(root, 'outer'), '/data/own': join(root, 'inner') },
    });
    const read = `const [outer] = api.getDirectories().find(([, name]) => name === '/data');
      return api.text(outer.openAt({ symlinkFollow: true }, 'link/secret', {}, { read: true }).read(20, 0)[0])`;
    expect(await guest.step(read)).not.toMatchObject({ ok: 'hidden' });
  });

  it('tell no hash that another runtime tells, or that a guess at the inode confirms', async () => {
    const data = scratchFolder();
    writeFileSync(join(data, 'a'), 'x');
    const load = { grants: ['filesystem:read:/data/**'], preopens: { '/data': data } };
    const hash = "const { lower, upper } = api.root().metadataHashAt({}, 'a'); return lower + ' ' + upper";
    const [one, other] = [await guestWith(load), await guestWith(load)];
    expect(await one.value(hash)).toBe(await one.value(hash));
    expect(await one.value(hash)).not.toBe(await other.value(hash));
  });

  it('do not tell whether the target of a link that leaves exists', async () => {
    const data = scratchFolder();
    symlinkSync('/etc/passwd', join(data, 'there'));
    symlinkSync('/etc/no such file', join(data, 'not-there'));
    const guest = await guestWith({ grants: ['filesystem:read:/data/**'], preopens: { '/data': data } });
    const tried = async (name: string) => (await guest.step(`api.open('${name}')`)).err;
    expect(await tried('not-there')).toEqual(await tried('there'));
  });
});
