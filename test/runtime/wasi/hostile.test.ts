// What a hostile guest tries against files and HTTP; each test says what must hold.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { guardedFetch, type NetworkGuard } from '#security/access';
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

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const keptMb = () => {
  collectGarbage();
  return heldMb();
};
const heldMb = () => {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 2 ** 20;
};
const post = (port: number, path: string) => `const request = new api.OutgoingRequest(new api.Fields());
  request.setMethod({ tag: 'post' }); request.setScheme({ tag: 'HTTP' }); request.setAuthority('127.0.0.1:${port}');
  request.setPathWithQuery('${path}'); const body = request.body();
  (kept.all ??= []).push(api.handle(request, undefined)); api.OutgoingBody.finish(body, undefined);`;

describe('host memory', () => {
  it('is not filled by clones of header fields, without any grant', async () => {
    const guest = await guestWith({});
    await guest.value(`const all = []; const none = new Uint8Array(); for (let i = 0; i < 65000; i++) all.push(['a', none]);
      kept.fields = api.Fields.fromList(all); kept.all = []`);
    const before = keptMb();
    await guest.step('for (let i = 0; i < 600; i++) kept.all.push(kept.fields.clone())').catch(() => {});
    expect(keptMb() - before).toBeLessThan(100);
  });

  it('is not filled by request bodies that are never sent, without any grant', async () => {
    const guest = await guestWith({});
    const before = keptMb();
    await guest
      .step(`kept.all = []; const chunk = new Uint8Array(65536);
      for (let i = 0; i < 200; i++) { const request = new api.OutgoingRequest(new api.Fields()); const body = request.body();
        const stream = body.write(); for (let j = 0; j < 16; j++) stream.write(chunk); kept.all.push([request, body, stream]) }`)
      .catch(() => {});
    expect(keptMb() - before).toBeLessThan(100);
  });

  it('is not filled by directory streams', async () => {
    const data = scratchFolder();
    for (let i = 0; i < 5_000; i++) writeFileSync(join(data, `${'n'.repeat(200)}${i}`), '');
    const guest = await guestWith({ grants: ['filesystem:read:/data/**'], preopens: { '/data': data } });
    const before = keptMb();
    const many = 'kept.all = []; for (let i = 0; i < 120; i++) kept.all.push(api.root().readDirectory())';
    await guest.step(many).catch(() => {});
    expect(keptMb() - before).toBeLessThan(50);
  });

  it('is bounded for an answer in chunks of one byte', async () => {
    const bytes = Buffer.from('1\r\nx\r\n'.repeat(500_000));
    const server = createServer((socket) =>
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
        socket.write(bytes);
        socket.end('0\r\n\r\n');
      }),
    );
    const port = await listening(server);
    const guest = await guestWith({ grants: [`network:connect:http://127.0.0.1:${port}`] });
    const before = keptMb();
    let peak = 0;
    const watch = setInterval(() => {
      peak = Math.max(peak, heldMb());
    }, 2);
    await guest.value(`kept.future = api.request('http://127.0.0.1:${port}/')`);
    await expect.poll(() => guest.value('return kept.future.subscribe().ready()'), { timeout: 10_000 }).toBe(true);
    clearInterval(watch);
    // Half a megabyte of body.
    expect(peak - before).toBeLessThan(40);
  });
});

describe('the thread', () => {
  it('is not held by one path of the size of a guest memory', () => {
    const path = `a${'x/'.repeat(8 * 2 ** 20)}`;
    const start = performance.now();
    try {
      below('/data', path);
    } catch {
      // Refused is as good: the time is what counts.
    }
    expect(performance.now() - start).toBeLessThan(200);
  });
});

describe('requests', () => {
  it.each(['get', 'delete', 'options', 'head', 'trace'])('frame the body of %s, or refuse it', async (method) => {
    let seen = '';
    const server = createServer((socket) =>
      socket.on('data', (data) => {
        seen += data;
      }),
    );
    const port = await listening(server);
    const guest = await guestWith({ grants: [`network:connect:http://127.0.0.1:${port}`] });
    const smuggled = 'GET /admin HTTP/1.1\\r\\nHost: internal\\r\\nTransfer-Encoding: x\\r\\n\\r\\n';
    await guest.step(
      `kept.future = api.request('http://127.0.0.1:${port}/', { method: { tag: '${method}' }, body: '${smuggled}' })`,
    );
    await pause(200);
    if (seen.includes('/admin')) expect(seen.toLowerCase()).toMatch(/content-length: \d|transfer-encoding: chunked/);
  });

  it('do not begin after the end of the store that asked for them', async () => {
    const seen: (string | undefined)[] = [];
    const port = await listening(createHttp(({ url }) => void seen.push(url)));
    const guest = await guestWith({ grants: [`network:connect:http://127.0.0.1:${port}`] });
    await expect(guest.step(`${post(port, '/zombie')} api.poll([])`)).rejects.toMatchObject({ code: 'RUNTIME_TRAP' });
    await pause(200);
    expect(seen).toEqual([]);
  });

  it('of stores for one call end with them, and with the component', async () => {
    const server = createHttp(() => {});
    const port = await listening(server);
    const guest = await guestWith({ grants: [`network:connect:http://127.0.0.1:${port}`], store: 'per-call' });
    for (let i = 0; i < 5; i++) await guest.value(`for (let i = 0; i < 8; i++) { ${post(port, '/percall')} }`);
    await guest.runtime.unload(guest.handle);
    await pause(200);
    const count = await new Promise((resolve) => server.getConnections((_, connections) => resolve(connections)));
    expect(count).toBe(0);
  });

  it('have a bounded number of names looked up at a time, dropped ones included', async () => {
    let lookUps = 0;
    const names = {
      lookUp: () => {
        lookUps += 1;
        return new Promise<never>(() => {});
      },
    };
    const guest = await guestWith(
      { grants: ['network:connect:https://api.example.com:443'] },
      { overrides: { names } },
    );
    await guest.step("for (let i = 0; i < 500; i++) api.request('https://api.example.com/')[Symbol.dispose]()");
    expect(lookUps).toBeLessThanOrEqual(64);
  });

  it('end at their deadline when a server switches protocols unasked', async () => {
    const server = createServer((socket) =>
      socket.once('data', () =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
      ),
    );
    const port = await listening(server);
    const endpoint = { scheme: 'http', host: '127.0.0.1', port, isAddress: true };
    const guard = { admit: async () => ({ endpoint, addresses: ['127.0.0.1'] }) } as unknown as NetworkGuard;
    const limits = { totalMs: 300, idleMs: 300, connectMs: 300 };
    const ended = guardedFetch(guard, { url: `http://127.0.0.1:${port}/` }, limits).then(
      () => 'ended',
      () => 'ended',
    );
    expect(await Promise.race([ended, pause(2_000).then(() => 'pending')])).toBe('ended');
  });
});

describe('folders', () => {
  it('that were opened cannot be removed themselves', async () => {
    const data = join(scratchFolder(), 'data');
    mkdirSync(data);
    const guest = await guestWith({ grants: ['filesystem:*:/data/**'], preopens: { '/data': data } });
    await guest.step("api.root().removeDirectoryAt('.')");
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

  it('tell no hash that a guess at the inode confirms', async () => {
    const data = scratchFolder();
    writeFileSync(join(data, 'a'), 'x');
    const { dev, ino, size, mtimeMs } = statSync(join(data, 'a'));
    const guess = createHash('sha256')
      .update(`${dev}:${ino} ${size} ${Math.floor(mtimeMs)}`)
      .digest()
      .readBigUInt64LE(0);
    const guest = await guestWith({ grants: ['filesystem:read:/data/**'], preopens: { '/data': data } });
    expect(await guest.value("return api.root().metadataHashAt({}, 'a').lower")).not.toBe(Number(guess));
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
