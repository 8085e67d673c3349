import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { NameService } from '#core/ports/network';
import { ipAddressOf, textOf } from '../../../src/runtime/wasi/sockets/addresses.ts';
import { type Guest, loadGuest, wasiGuest } from '../../support/wasi-guest.ts';

let component: Uint8Array;
beforeAll(async () => {
  component = await wasiGuest();
});

/** A real TCP server on this machine. */
async function server(handle: (socket: Socket) => void = (socket) => void socket.pipe(socket)) {
  const sockets = new Set<Socket>();
  const tcp = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    handle(socket);
  });
  tcp.listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    tcp.close();
  });
  const { port } = tcp.address() as AddressInfo;
  return { port, sockets, grant: `network:connect:tcp://127.0.0.1:${port}` };
}

const connect = (port: number, address = '127, 0, 0, 1'): string =>
  `kept.socket = api.createTcpSocket('ipv4');
   kept.socket.startConnect(api.instanceNetwork(), { tag: 'ipv4', val: { port: ${port}, address: [${address}] } });`;
const FINISH = '[kept.input, kept.output] = kept.socket.finishConnect()';
const READY = 'return kept.socket.subscribe().ready()';
const READABLE = 'return kept.input.subscribe().ready()';

async function connected(guest: Guest, port: number): Promise<void> {
  await guest.value(connect(port));
  await expect.poll(() => guest.value(READY)).toBe(true);
  await guest.value(FINISH);
}

describe.each(['direct', 'glue'] as const)('sockets on the %s path', (calls) => {
  async function scene(grants: readonly string[], names?: NameService): Promise<Guest> {
    const overrides = names === undefined ? {} : { names };
    const guest = await loadGuest(component, calls, { grants }, { overrides });
    onTestFinished(() => guest.runtime.close());
    return guest;
  }

  it('connect in one turn, and are written and read in later ones', async () => {
    const { port, grant } = await server();
    const guest = await scene([grant]);
    expect(await guest.step(`${connect(port)} ${FINISH}`)).toMatchObject({ err: 'would-block' });
    await expect.poll(() => guest.value(READY)).toBe(true);
    await guest.value(FINISH);
    expect(await guest.value('return kept.socket.remoteAddress()')).toEqual({
      tag: 'ipv4',
      val: { port, address: [127, 0, 0, 1] },
    });
    await guest.value('kept.output.blockingWriteAndFlush(api.bytes("hello"))');
    expect(await guest.value('return kept.input.read(10).length')).toBe(0);
    await expect.poll(() => guest.value(READABLE)).toBe(true);
    expect(await guest.value('return api.text(kept.input.blockingRead(10))')).toBe('hello');
    await guest.value('kept.socket.shutdown("send")');
    await expect.poll(() => guest.value(READABLE)).toBe(true);
    expect(await guest.step('kept.input.read(10)')).toMatchObject({ err: { tag: 'closed' } });
  });

  it('are waited for, or end the store on the glue path, and end with the store', async () => {
    const { port, grant, sockets } = await server();
    const guest = await scene([grant]);
    await connected(guest, port);
    expect(sockets.size).toBe(1);
    const read = guest.step('kept.input.blockingRead(10)');
    if (calls === 'glue') await expect(read).rejects.toMatchObject({ code: 'RUNTIME_WOULD_BLOCK' });
    else {
      await expect.poll(() => guest.runtime.state(guest.handle)).toBe('waiting');
      const ended = expect(read).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' });
      await guest.runtime.unload(guest.handle);
      await ended;
    }
    await expect.poll(() => sockets.size).toBe(0);
  });

  it('are refused where they are not granted', async () => {
    const { port, sockets } = await server();
    const guest = await scene(['network:connect:tcp://**:*', `network:connect:http://127.0.0.1:${port}`]);
    await guest.value(connect(port));
    await expect.poll(() => guest.value(READY)).toBe(true);
    expect(await guest.step(FINISH)).toMatchObject({ err: 'access-denied' });
    expect(sockets.size).toBe(0);
    expect(guest.denied).toEqual([`network:connect:tcp://127.0.0.1:${port}`]);
    for (const call of ['startListen()', 'accept()', 'keepAliveEnabled()', 'hopLimit()']) {
      expect(await guest.step(`api.createTcpSocket('ipv4').${call}`), call).toMatchObject({ err: 'not-supported' });
    }
  });

  it('stop at the next use when the grant is revoked', async () => {
    const { port, grant } = await server();
    const guest = await scene([grant]);
    await connected(guest, port);
    guest.runtime.revoke(guest.handle, grant);
    expect(await guest.step('kept.output.write(api.bytes("x"))')).toMatchObject({
      err: { tag: 'last-operation-failed' },
    });
    expect(await guest.step('kept.input.read(1)')).toMatchObject({ err: { tag: 'last-operation-failed' } });
  });

  it('reach a name that is granted, and no private address by it', async () => {
    const { port, grant } = await server();
    const asked: string[] = [];
    // Stands for a name service whose owner answers the host's own address, which cannot be had in a test.
    const names = {
      lookUp: async (name: string) => {
        asked.push(name);
        return name === 'inner.example' ? ['127.0.0.1', '2001:db9::1'] : ['93.184.216.34'];
      },
    };
    const named = `network:connect:tcp://inner.example:${port}`;
    const look = (name: string): string => `kept.names = api.resolveAddresses(api.instanceNetwork(), '${name}')`;
    const next = 'return kept.names.resolveNextAddress() ?? "no more"';
    const resolved = async (guest: Guest, name: string) => {
      await guest.value(look(name));
      await expect.poll(() => guest.value('return kept.names.subscribe().ready()')).toBe(true);
      return guest.step(next);
    };
    const strict = await scene([named], names);
    expect(await resolved(strict, 'other.example')).toMatchObject({ err: 'access-denied' });
    expect(asked).toEqual([]);
    expect(await resolved(strict, 'inner.example')).toMatchObject({ ok: { tag: 'ipv4', val: [127, 0, 0, 1] } });
    expect(await strict.value(next)).toEqual({ tag: 'ipv6', val: [0x2001, 0xdb9, 0, 0, 0, 0, 0, 1] });
    expect(await strict.value(next)).toBe('no more');
    await strict.value(connect(port));
    await expect.poll(() => strict.value(READY)).toBe(true);
    expect(await strict.step(FINISH)).toMatchObject({ err: 'access-denied' });
    const wide = await scene([named, grant], names);
    await connected(wide, port);
  });

  it('say what went wrong, and are bounded in number', async () => {
    const guest = await scene(['network:connect:tcp://127.0.0.1:1']);
    await guest.value(connect(1));
    await expect.poll(() => guest.value(READY)).toBe(true);
    expect(await guest.step(FINISH)).toMatchObject({ err: 'connection-refused' });
    expect(await guest.step(connect(0))).toMatchObject({ err: 'invalid-argument' });
    expect(await guest.step('api.createTcpSocket("ipv4").localAddress()')).toMatchObject({ err: 'invalid-state' });
    expect(
      await guest.step('kept.all = []; for (let i = 0; i < 20; i++) kept.all.push(api.createTcpSocket("ipv6"))'),
    ).toMatchObject({ err: 'new-socket-limit' });
  });

  it('keep a bounded amount of what is sent', async () => {
    const { port, grant, sockets } = await server((socket) => void socket.pause());
    const guest = await scene([grant]);
    await connected(guest, port);
    const fill = `let all = 0; const some = new Uint8Array(65536);
      for (;;) { const room = Number(kept.output.checkWrite()); if (room === 0) return all; kept.output.write(some.subarray(0, room)); all += room; }`;
    // The system takes some of it at once, and the host keeps 64 KiB beyond that.
    const filled = await guest.value(fill);
    expect(filled).toBeGreaterThanOrEqual(65_536);
    expect(filled).toBeLessThan(64 * 2 ** 20);
    const write = guest.step('kept.output.blockingWriteAndFlush(new Uint8Array(4096))');
    if (calls === 'glue') await expect(write).rejects.toMatchObject({ code: 'RUNTIME_WOULD_BLOCK' });
    else {
      await expect.poll(() => guest.runtime.state(guest.handle)).toBe('waiting');
      for (const socket of sockets) socket.resume();
      expect(await write).toEqual({ ok: null, argument: '' });
    }
  });
});

it('addresses are written and read back as they are', () => {
  for (const text of ['127.0.0.1', '2001:db8::1', '::1', 'fe80::', '1:2:3:4:5:6:7:8']) {
    expect(ipAddressOf(textOf(ipAddressOf(text)))).toEqual(ipAddressOf(text));
  }
  expect(ipAddressOf('::1').val).toEqual([0, 0, 0, 0, 0, 0, 0, 1]);
});
