// What must not be left behind, or go on without end, in the host functions of WASI.
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { isDeepStrictEqual } from 'node:util';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { LoadOptions } from '#system';
import { scratchFolder } from '../../security/scratch.ts';
import { type Guest, loadGuest, wasiGuest } from '../../support/wasi-guest.ts';

let component: Uint8Array;
beforeAll(async () => {
  component = await wasiGuest();
});

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

const descriptors = (): number => readdirSync('/proc/self/fd').length;

describe.each(['direct', 'glue'] as const)('a guest on the %s path', (calls) => {
  async function scene(...grants: string[]): Promise<Guest> {
    return sceneWith({ grants });
  }

  async function sceneWith(options: LoadOptions): Promise<Guest> {
    const guest = await loadGuest(component, calls, options);
    onTestFinished(() => guest.runtime.close());
    return guest;
  }

  it('leaves no descriptor behind by connections that it drops in the turn that begins them', async () => {
    const port = await listening(createTcp());
    const guest = await scene(`network:connect:tcp://127.0.0.1:${port}`);
    const drop = `for (let i = 0; i < 16; i++) {
      let socket;
      try { socket = api.createTcpSocket('ipv4'); } catch (error) { if (error.payload === 'new-socket-limit') return i; throw error; }
      socket.startConnect(api.instanceNetwork(), { tag: 'ipv4', val: { port: ${port}, address: [127, 0, 0, 1] } });
      socket[Symbol.dispose]();
    }`;
    await guest.value(drop);
    await expect.poll(() => guest.value('return api.createTcpSocket("ipv4") !== null')).toBe(true);
    const before = descriptors();
    for (let i = 0; i < 40; i++) await guest.value(drop);
    await guest.runtime.unload(guest.handle);
    await expect.poll(descriptors).toBeLessThanOrEqual(before + 2);
  });

  it('has a place for a socket again only when the one before is closed, and its store when it ends', async () => {
    const port = await listening(createTcp());
    const guest = await scene(`network:connect:tcp://127.0.0.1:${port}`);
    const fill = `kept.all = []; try { for (;;) kept.all.push(api.createTcpSocket('ipv4')); } catch (error) {
      if (error.payload !== 'new-socket-limit') throw error; } return kept.all.length`;
    expect(await guest.value(fill)).toBe(16);
    expect(await guest.value('for (const one of kept.all) one[Symbol.dispose](); return 0')).toBe(0);
    expect(await guest.value(fill)).toBe(16);
    // Of 256 in a runtime: what stores that are gone held is free.
    for (let i = 0; i < 20; i++) {
      const handle = await guest.runtime.load(component);
      expect(JSON.parse((await guest.runtime.call(handle, 'run', fill, '')) as string)).toMatchObject({ ok: 16 });
      await guest.runtime.unload(handle);
    }
  });

  it('is told at once of a server that answers 103 without end', async () => {
    let sent = 0;
    const server = createTcp((socket) => {
      const flood = (): void => {
        if (socket.destroyed) return;
        sent += 500;
        socket.write('HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n'.repeat(500));
        setImmediate(flood);
      };
      socket.once('data', flood);
    });
    const port = await listening(server);
    const guest = await scene(`network:connect:http://127.0.0.1:${port}`);
    await guest.value(`kept.future = api.request('http://127.0.0.1:${port}/')`);
    await expect.poll(() => guest.value('return kept.future.subscribe().ready()')).toBe(true);
    expect(await guest.value('return kept.future.get().val')).toMatchObject({ tag: 'err' });
    expect(sent).toBeLessThan(200_000);
  });

  it('keeps nothing of what constructors refuse', async () => {
    // Two rounds of this many would need more than the limit if they were kept.
    const guest = await sceneWith({ limits: { maxMemoryBytes: 4 * 2 ** 20 } });
    const refused = `for (let i = 0; i < 11000; i++) {
      try { api.Fields.fromList([['x-own', api.bytes('value')], ['bad name', api.bytes('')]]); }
      catch (error) { if (error.payload?.tag !== 'invalid-syntax') throw error; continue; }
      throw new Error('it was taken');
    }`;
    await guest.value(refused);
    await guest.value(refused);
  });

  it('sends nothing of a body that is not as long as its headers say', async () => {
    const seen: unknown[] = [];
    const http = createHttp(async (request, response) => {
      const body = await text(request).catch(() => undefined);
      // A request that was broken off has no whole body.
      if (body === undefined) return;
      seen.push([request.url, request.headers['content-length'], body]);
      response.end();
    });
    const port = await listening(http);
    const guest = await scene(`network:connect:http://127.0.0.1:${port}`);
    const post = (length: string, body: string): string =>
      `kept.future = api.request('http://127.0.0.1:${port}/${encodeURIComponent(length)}', { method: { tag: 'post' }, headers: [['Content-Length', '${length}']], body: '${body}' })`;
    // What is beyond the length is refused as it is written, and the stream's error has the code.
    const code = (posted: string): string => `try { ${posted} } catch ({ payload }) {
      return payload.tag === 'last-operation-failed' ? api.httpErrorCode(payload.val) : payload }`;
    for (const [length, body, written] of [
      ['5', 'four', 4],
      ['3', 'four', 4],
      ['0', 'x', 1],
      // Refused before anything is written, because no body has such a length.
      ['-4', 'four', 0],
      ['4, 4', 'four', 0],
    ] as const) {
      const told = await guest.value(code(post(length, body)));
      // The server may have answered a request without a body before the guest writes one.
      if (length === '0' && isDeepStrictEqual(told, { tag: 'closed' })) continue;
      expect(told).toMatchObject({ tag: 'HTTP-request-body-size', val: written });
    }
    const bare = `kept.future = api.request('http://127.0.0.1:${port}/', { headers: [['content-length', '5']] })`;
    expect(await guest.step(bare)).toMatchObject({ err: { tag: 'HTTP-request-body-size' } });
    await guest.value(post('4', 'four'));
    await expect.poll(() => guest.value('return kept.future.subscribe().ready()')).toBe(true);
    // A request with the length 0 is whole when its head is sent, which may be before the guest writes its body.
    const empty = ['/0', '0', ''];
    expect(seen).toEqual([...seen.filter((request) => isDeepStrictEqual(request, empty)), ['/4', '4', 'four']]);
  });

  it('gets a file by no name that ends like a folder', async () => {
    const root = scratchFolder();
    mkdirSync(join(root, 'folder'));
    writeFileSync(join(root, 'precious'), 'kept');
    symlinkSync('folder', join(root, 'to-folder'));
    symlinkSync('precious', join(root, 'to-file'));
    const guest = await loadGuest(component, calls, { preopens: { '/data': root }, grants: ['filesystem:*:/data/**'] });
    onTestFinished(() => guest.runtime.close());
    const at = (call: string): Promise<unknown> =>
      guest.step(`const root = api.root(); const p = { symlinkFollow: false }; const now = { tag: 'now' }; const none = { tag: 'no-change' };
        const shown = (value) => value?.getType?.() ?? value?.type ?? value ?? null; return shown(${call})`);
    const refused = { err: 'not-directory' };
    for (const end of ['/', '/.', '//', '/./']) {
      for (const file of ['precious', 'to-file']) {
        const path = JSON.stringify(file + end);
        for (const call of [
          `root.openAt(p, ${path}, {}, { read: true })`,
          `root.openAt(p, ${path}, { create: true }, { write: true })`,
          `root.openAt(p, ${path}, { truncate: true }, { write: true })`,
          `root.openAt(p, ${path}, { directory: true }, { read: true })`,
          `root.statAt(p, ${path})`,
          `root.metadataHashAt(p, ${path})`,
          `root.setTimesAt(p, ${path}, now, none)`,
          `root.unlinkFileAt(${path})`,
          `root.renameAt(${path}, root, 'moved')`,
          `root.renameAt('precious', root, ${JSON.stringify(`moved${end}`)})`,
          `root.linkAt(p, ${path}, root, 'linked')`,
          `root.linkAt(p, 'precious', root, ${JSON.stringify(`linked${end}`)})`,
          `root.readlinkAt(${path})`,
          `root.openAt(p, ${JSON.stringify(`${file}${end}/x`)}, {}, { read: true })`,
        ]) {
          expect({ call, ...((await at(call)) as object) }).toMatchObject({ call, ...refused });
        }
      }
      for (const folder of ['folder', 'to-folder']) {
        const path = JSON.stringify(folder + end);
        expect(await at(`root.openAt(p, ${path}, {}, { read: true })`)).toMatchObject({ ok: 'directory' });
        expect(await at(`root.statAt(p, ${path})`)).toMatchObject({ ok: 'directory' });
        expect(await at(`root.unlinkFileAt(${path})`)).toMatchObject({ err: 'is-directory' });
        expect(await at(`root.readlinkAt(${path})`)).toMatchObject({ err: 'invalid' });
      }
      expect(
        await at(`root.openAt(p, ${JSON.stringify(`new${end}`)}, { create: true }, { write: true })`),
      ).not.toHaveProperty('ok');
    }
    expect(await at('root.createDirectoryAt("folder/.")')).toMatchObject({ err: 'exist' });
    expect(await at('root.createDirectoryAt("other/.")')).toMatchObject({ err: 'no-entry' });
    expect(await at('root.removeDirectoryAt("folder/.")')).toMatchObject({ err: 'invalid' });
    expect(await at('root.createDirectoryAt("made/")')).toMatchObject({ ok: null });
    expect(await at('root.removeDirectoryAt("made/")')).toMatchObject({ ok: null });
    expect(readdirSync(root).toSorted()).toEqual(['folder', 'precious', 'to-file', 'to-folder']);
    expect(existsSync(join(root, 'precious'))).toBe(true);
  });
});
