import { createSocket as createDatagrams, type Socket as Datagrams } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect as connectTo, createServer, type Socket } from 'node:net';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Scheduling } from '#core/ports/engine';
import type { NameService } from '#core/ports/network';
import { ipAddressOf, textOf } from '../../../src/runtime/wasi/sockets/addresses.ts';
import { type Guest, loadGuest, wasiGuest } from '../../support/wasi-guest.ts';

let component: Uint8Array;
beforeAll(async () => {
  component = await wasiGuest();
});

const echo = (socket: Socket): void => void socket.pipe(socket);

/** A real TCP server on this machine. */
async function server(handle: (socket: Socket) => void = echo) {
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
const bind = (port: number): string =>
  `kept.listener = api.createTcpSocket('ipv4');
   kept.listener.startBind(api.instanceNetwork(), { tag: 'ipv4', val: { port: ${port}, address: [127, 0, 0, 1] } });`;
const LISTEN =
  'kept.listener.finishBind(); kept.listener.setListenBacklogSize(4); kept.listener.startListen(); kept.listener.finishListen()';
const ACCEPT = '[kept.socket, kept.input, kept.output] = kept.listener.accept()';
const FINISH = '[kept.input, kept.output] = kept.socket.finishConnect()';
const READY = 'return kept.socket.subscribe().ready()';
const READABLE = 'return kept.input.subscribe().ready()';

async function connected(guest: Guest, port: number): Promise<void> {
  await guest.value(connect(port));
  await expect.poll(() => guest.value(READY)).toBe(true);
  await guest.value(FINISH);
}

describe.each(['direct', 'glue'] as const)('sockets on the %s path', (calls) => {
  async function scene(grants: readonly string[], names?: NameService, scheduling?: Scheduling): Promise<Guest> {
    const overrides = names === undefined ? {} : { names };
    const guest = await loadGuest(component, calls, { grants, scheduling }, { overrides });
    onTestFinished(() => guest.runtime.close());
    return guest;
  }

  it('connect in one turn, and are written and read in later ones', async () => {
    const { port, sockets, grant } = await server(() => {});
    // The event loop does not run within a turn, so that no connection can be there before the turn ends.
    const guest = await scene([grant], undefined, 'cooperative');
    expect(await guest.step(`${connect(port)} ${FINISH}`)).toMatchObject({ err: 'would-block' });
    await expect.poll(() => guest.value(READY)).toBe(true);
    await guest.value(FINISH);
    expect(await guest.value('return kept.socket.remoteAddress()')).toEqual({
      tag: 'ipv4',
      val: { port, address: [127, 0, 0, 1] },
    });
    await guest.value('kept.output.blockingWriteAndFlush(api.bytes("hello"))');
    expect(await guest.value('return kept.input.read(10).length')).toBe(0);
    sockets.forEach(echo);
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
    // In the turn in which it was asked.
    expect(await guest.step(connect(port))).toMatchObject({ err: 'access-denied' });
    expect(sockets.size).toBe(0);
    expect(guest.denied).toEqual([`network:connect:tcp://127.0.0.1:${port}`]);
    expect(await guest.step(bind(port))).toMatchObject({ err: 'access-denied' });
    expect(guest.denied.at(-1)).toBe(`network:listen:tcp://127.0.0.1:${port}`);
    for (const call of ['receiveBufferSize()', 'hopLimit()']) {
      expect(await guest.step(`api.createTcpSocket('ipv4').${call}`), call).toMatchObject({ err: 'not-supported' });
    }
    for (const call of ['startListen()', 'accept()', 'localAddress()']) {
      expect(await guest.step(`api.createTcpSocket('ipv4').${call}`), call).toMatchObject({ err: 'invalid-state' });
    }
  });

  it('connect from the address to which they were bound', async () => {
    const came: Socket[] = [];
    const { port, grant } = await server((socket) => void came.push(socket));
    const guest = await scene([grant, 'network:listen:tcp://127.0.0.1:*']);
    await guest.value(bind(0));
    await expect.poll(() => guest.value('return kept.listener.subscribe().ready()')).toBe(true);
    await guest.value('kept.listener.finishBind(); kept.socket = kept.listener');
    const { val } = (await guest.value('return kept.socket.localAddress()')) as { val: { port: number } };
    // A connection that is denied leaves the socket bound.
    const denied = "{ tag: 'ipv4', val: { port: 1, address: [127, 0, 0, 1] } }";
    expect(await guest.step(`kept.socket.startConnect(api.instanceNetwork(), ${denied})`)).toMatchObject({
      err: 'access-denied',
    });
    const to = `{ tag: 'ipv4', val: { port: ${port}, address: [127, 0, 0, 1] } }`;
    await guest.value(`kept.socket.startConnect(api.instanceNetwork(), ${to})`);
    await expect.poll(() => guest.value(READY)).toBe(true);
    await guest.value(FINISH);
    await expect.poll(() => came.map((socket) => socket.remotePort)).toEqual([val.port]);
    expect(await guest.value('return kept.socket.localAddress()')).toMatchObject({ val: { port: val.port } });
    expect(await guest.step('kept.socket.startListen()')).toMatchObject({ err: 'invalid-state' });
  });

  it('are kept alive as they are told, before and after they connect', async () => {
    const { port, grant } = await server();
    const guest = await scene([grant]);
    await guest.value(`${connect(port)} kept.socket.setKeepAliveEnabled(true)`);
    await expect.poll(() => guest.value(READY)).toBe(true);
    await guest.value(FINISH);
    await guest.value('kept.socket.setKeepAliveIdleTime(1_500_000_000)');
    for (const [get, is] of [
      ['keepAliveEnabled', true],
      ['keepAliveIdleTime', 1_000_000_000],
      ['keepAliveInterval', 1_000_000_000],
      ['keepAliveCount', 10],
    ] as const) {
      expect(await guest.value(`return String(kept.socket.${get}())`), get).toBe(String(is));
    }
    await guest.value('kept.socket.setKeepAliveInterval(5); kept.socket.setKeepAliveCount(3)');
    for (const call of ['setKeepAliveIdleTime(0)', 'setKeepAliveInterval(0)', 'setKeepAliveCount(0)']) {
      expect(await guest.step(`kept.socket.${call}`), call).toMatchObject({ err: 'invalid-argument' });
    }
    await guest.value('kept.socket.setKeepAliveEnabled(false)');
    expect(await guest.value('return kept.socket.keepAliveEnabled()')).toBe(false);
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
      const looked = await guest.step(look(name));
      if (looked.err !== undefined) return looked;
      await expect.poll(() => guest.value('return kept.names.subscribe().ready()')).toBe(true);
      return guest.step(next);
    };
    const strict = await scene([named], names);
    expect(await resolved(strict, 'other.example')).toMatchObject({ err: 'access-denied' });
    expect(asked).toEqual([]);
    expect(await resolved(strict, 'inner.example')).toMatchObject({ ok: { tag: 'ipv4', val: [127, 0, 0, 1] } });
    expect(await strict.value(next)).toEqual({ tag: 'ipv6', val: [0x2001, 0xdb9, 0, 0, 0, 0, 0, 1] });
    expect(await strict.value(next)).toBe('no more');
    expect(await strict.step(connect(port))).toMatchObject({ err: 'access-denied' });
    const wide = await scene([named, grant], names);
    await connected(wide, port);
  });

  async function listening(grant = 'network:listen:tcp://127.0.0.1:*') {
    const guest = await scene([grant]);
    await guest.value(bind(0));
    await expect.poll(() => guest.value('return kept.listener.subscribe().ready()')).toBe(true);
    await guest.value(LISTEN);
    const { val } = (await guest.value('return kept.listener.localAddress()')) as { val: { port: number } };
    const client = (): Socket => {
      const socket = connectTo({ host: '127.0.0.1', port: val.port, allowHalfOpen: true }).on('error', () => {});
      onTestFinished(() => void socket.destroy());
      return socket;
    };
    return { guest, client, port: val.port };
  }

  it('listen where that is granted, and accept what comes', async () => {
    const { guest, client } = await listening();
    expect(await guest.step(ACCEPT)).toMatchObject({ err: 'would-block' });
    expect(await guest.value('return kept.listener.isListening()')).toBe(true);
    const socket = client();
    let heard = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      heard += text;
    });
    await expect.poll(() => guest.value('return kept.listener.subscribe().ready()')).toBe(true);
    await guest.value(ACCEPT);
    socket.end('to the guest');
    await expect.poll(() => guest.value(READABLE)).toBe(true);
    expect(await guest.value('return api.text(kept.input.read(20))')).toBe('to the guest');
    // The other side sends no more, and is still answered.
    await expect.poll(() => guest.step('return kept.input.read(1)')).toMatchObject({ err: { tag: 'closed' } });
    const ended = once(socket, 'end');
    await guest.value('kept.output.write(api.bytes("to the peer")); kept.socket.shutdown("send")');
    await ended;
    expect(heard).toBe('to the peer');
  });

  it('are told what cannot be listened on, and accept nothing once the grant is revoked', async () => {
    const { port } = await server();
    const guest = await scene(['network:listen:tcp://127.0.0.1:*', 'network:listen:tcp://**:*']);
    await guest.value(bind(port));
    await expect.poll(() => guest.value('return kept.listener.subscribe().ready()')).toBe(true);
    expect(await guest.step('kept.listener.finishBind()')).toMatchObject({ err: 'address-in-use' });
    // An address that is not public must be named.
    const everywhere = bind(0).replace('127, 0, 0, 1', '0, 0, 0, 0');
    expect(await guest.step(everywhere)).toMatchObject({ err: 'access-denied' });
    const revoked = await listening();
    revoked.guest.runtime.revoke(revoked.guest.handle, 'network:listen:tcp://127.0.0.1:*');
    expect(await revoked.guest.step(ACCEPT)).toMatchObject({ err: 'access-denied' });
    await once(revoked.client().resume(), 'end');
  });

  it('keep a bounded number of connections that nobody accepts, and end them with the store', async () => {
    const { guest, client } = await listening();
    const sockets = Array.from({ length: 12 }, client);
    const closed = (): number => sockets.filter((socket) => socket.destroyed).length;
    for (const socket of sockets) socket.on('end', () => socket.destroy()).resume();
    await expect.poll(closed).toBe(4);
    await guest.value(ACCEPT);
    await guest.runtime.unload(guest.handle);
    await expect.poll(closed).toBe(12);
    expect(await once(client(), 'error').catch((error) => error)).toMatchObject([{ code: 'ECONNREFUSED' }]);
  });

  const PAIR = `${bind(0)} ${LISTEN};
    const at = kept.listener.localAddress();
    kept.client = api.createTcpSocket('ipv4'); kept.client.startConnect(api.instanceNetwork(), at);
    [kept.clientInput, kept.clientOutput] = kept.client.finishConnect(); ${ACCEPT};`;
  const DROP = `for (const name of ['clientInput', 'clientOutput', 'client', 'input', 'output', 'socket', 'listener']) {
    kept[name][Symbol.dispose](); delete kept[name]; }`;

  it('of one store are connected in memory without a grant, in one turn', async () => {
    const guest = await scene([]);
    const ends = await guest.value(`${PAIR} kept.listener[Symbol.dispose](); delete kept.listener;
      return [kept.socket, kept.client].map((each) =>
        [each.localAddress(), each.remoteAddress()].map(({ val }) => val.port))`);
    const [far, near] = ends as [number[], number[]];
    expect(near).toEqual(far.toReversed());
    expect(new Set(near).size).toBe(2);
    await guest.value('kept.clientOutput.blockingWriteAndFlush(api.bytes("ping")); kept.client.shutdown("send")');
    expect(await guest.value('return api.text(kept.input.blockingRead(10))')).toBe('ping');
    expect(await guest.step('kept.input.read(10)')).toMatchObject({ err: { tag: 'closed' } });
    await guest.value('kept.output.write(api.bytes("pong"))');
    await guest.value('for (const name of ["input", "output", "socket"]) kept[name][Symbol.dispose]()');
    expect(await guest.value('return api.text(kept.clientInput.read(10))')).toBe('pong');
    expect(await guest.step('kept.clientInput.read(10)')).toMatchObject({ err: { tag: 'closed' } });
    expect(guest.denied).toEqual([]);
  });

  it('in memory cost a place each, which is free at once, and hold bounded bytes', async () => {
    const guest = await scene([]);
    await guest.value(`for (let i = 0; i < 40; i++) { ${PAIR} ${DROP} }`);
    const filled = await guest.value(`${PAIR} let all = 0;
      for (;;) { const room = Number(kept.output.checkWrite()); if (room === 0) return all; kept.output.write(new Uint8Array(room)); all += room }`);
    expect(filled).toBe(65_536);
    const waiting = await guest.step(`kept.all = []; const at = kept.listener.localAddress();
      for (;;) { const socket = api.createTcpSocket('ipv4'); kept.all.push(socket); socket.startConnect(api.instanceNetwork(), at) }`);
    expect(waiting).toMatchObject({ err: 'connection-refused' });
    // Three sockets are there already, and of the thirteen that are left each connection takes two; the last one has no other end.
    expect(await guest.value('return kept.all.length')).toBe(7);
    await guest.runtime.unload(guest.handle);
  });

  it('in memory are found by their own store alone, and what is outside needs its grant', async () => {
    const { port, grant } = await server();
    const one = await scene([]);
    const at = `${PAIR} return kept.listener.localAddress().val.port`;
    const ours = (await one.value(at)) as number;
    expect(await one.step(bind(port))).toMatchObject({ err: 'access-denied' });
    expect(await one.step(bind(0).replace('127, 0, 0, 1', '127, 0, 0, 2'))).toMatchObject({ err: 'access-denied' });
    expect(await one.step(connect(port))).toMatchObject({ err: 'access-denied' });
    const other = await scene([`network:connect:tcp://127.0.0.1:${ours}`, grant]);
    await other.value(connect(ours));
    await expect.poll(() => other.value(READY)).toBe(true);
    expect(await other.step(FINISH)).toMatchObject({ err: 'connection-refused' });
    // A socket that is bound in memory may still connect to what is granted.
    await other.value(`${bind(0)} kept.listener.finishBind()`);
    const to = `{ tag: 'ipv4', val: { port: ${port}, address: [127, 0, 0, 1] } }`;
    await other.value(`kept.socket = kept.listener; kept.socket.startConnect(api.instanceNetwork(), ${to})`);
    await expect.poll(() => other.value(READY)).toBe(true);
    await other.value(FINISH);
  });

  it('that listen outside are reached by their own store in memory too', async () => {
    const { guest, client, port } = await listening();
    await guest.value(`${connect(port)} ${FINISH}; kept.output.write(api.bytes('inside'))`);
    expect(guest.denied).toEqual([]);
    await guest.value(ACCEPT);
    expect(await guest.value('return api.text(kept.input.read(10))')).toBe('inside');
    client().end('outside');
    await expect.poll(() => guest.value('return kept.listener.subscribe().ready()')).toBe(true);
    await guest.value(ACCEPT);
    await expect.poll(() => guest.value(READABLE)).toBe(true);
    expect(await guest.value('return api.text(kept.input.read(10))')).toBe('outside');
  });

  if (calls === 'direct') {
    it('are accepted, read and written in one turn that waits, however slow the peer is', async () => {
      const { guest, client } = await listening();
      const served = guest.step(`kept.listener.subscribe().block(); ${ACCEPT};
        let all = ''; try { for (;;) all += api.text(kept.input.blockingRead(3)) } catch (error) { if (error.payload.tag !== 'closed') throw error }
        kept.output.blockingWriteAndFlush(api.bytes(all.toUpperCase())); kept.socket.shutdown('send'); return all`);
      await expect.poll(() => guest.runtime.state(guest.handle)).toBe('waiting');
      const socket = client();
      let heard = '';
      socket.setEncoding('utf8').on('data', (text: string) => {
        heard += text;
      });
      for (const piece of ['slow', 'ly ', 'sent']) {
        socket.write(piece);
        await new Promise(setImmediate);
      }
      socket.end();
      await once(socket, 'end');
      expect(await served).toMatchObject({ ok: 'slowly sent' });
      expect(heard).toBe('SLOWLY SENT');
    });

    it('wake a turn that waits when the peer is gone', async () => {
      const { port, grant, sockets } = await server();
      const guest = await scene([grant]);
      await connected(guest, port);
      const read = guest.step('kept.input.blockingRead(10)');
      await expect.poll(() => guest.runtime.state(guest.handle)).toBe('waiting');
      for (const socket of sockets) socket.resetAndDestroy();
      expect(await read).toMatchObject({ err: { tag: 'last-operation-failed' } });
    });
  }

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

describe('datagrams', () => {
  const at = (port: number): string => `{ tag: 'ipv4', val: { port: ${port}, address: [127, 0, 0, 1] } }`;
  const bindUdp = (port: number, address = '127, 0, 0, 1'): string =>
    `kept.udp = api.createUdpSocket('ipv4');
     kept.udp.startBind(api.instanceNetwork(), { tag: 'ipv4', val: { port: ${port}, address: [${address}] } });
     kept.udp.subscribe().block(); kept.udp.finishBind(); [kept.incoming, kept.outgoing] = kept.udp.stream(undefined);
     return kept.udp.localAddress().val.port`;
  const RECEIVE =
    'kept.incoming.subscribe().block(); return kept.incoming.receive(10).map(({ data }) => api.text(data))';

  async function scene(grants: readonly string[]): Promise<Guest> {
    const guest = await loadGuest(component, 'direct', { grants });
    onTestFinished(() => guest.runtime.close());
    return guest;
  }

  async function peer(): Promise<{ socket: Datagrams; port: number; heard: string[] }> {
    const socket = createDatagrams('udp4');
    const heard: string[] = [];
    socket.on('message', (data) => void heard.push(String(data)));
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    onTestFinished(() => void socket.close());
    return { socket, port: socket.address().port, heard };
  }

  it('are sent where that is granted, and answers received from there alone', async () => {
    const [granted, other] = [await peer(), await peer()];
    const guest = await scene([`network:send:udp://127.0.0.1:${granted.port}`]);
    const port = (await guest.value(bindUdp(0, '0, 0, 0, 0'))) as number;
    const send = (to: number, text: string): string =>
      `return kept.outgoing.send([{ data: api.bytes('${text}'), remoteAddress: ${at(to)} }]).toString()`;
    expect(await guest.value(send(granted.port, 'hello'))).toBe('1');
    await expect.poll(() => granted.heard).toEqual(['hello']);
    expect(await guest.step(send(other.port, 'hello'))).toMatchObject({ err: 'access-denied' });
    other.socket.send('unasked', port, '127.0.0.1');
    granted.socket.send('answer', port, '127.0.0.1');
    expect(await guest.value(RECEIVE)).toEqual(['answer']);
    expect(other.heard).toEqual([]);
  });

  it('are waited for no longer where the last grant is revoked by which one might come, and come again when it is given', async () => {
    const { socket, port: remote } = await peer();
    const grants = [`network:send:udp://127.0.0.1:${remote}`, 'network:send:udp://127.0.0.1:9'];
    const guest = await scene(grants);
    const port = (await guest.value(bindUdp(0, '0, 0, 0, 0'))) as number;
    const waiting = guest.step(RECEIVE);
    for (const grant of grants) {
      await expect.poll(() => guest.runtime.state(guest.handle)).toBe('waiting');
      expect(guest.runtime.revoke(guest.handle, grant)).toBe(1);
      await new Promise(setImmediate);
    }
    expect(await waiting).toMatchObject({ err: 'access-denied' });
    expect(await guest.step(RECEIVE)).toMatchObject({ err: 'access-denied' });
    guest.runtime.grant(guest.handle, ...grants);
    socket.send('answer', port, '127.0.0.1');
    const receive = `for (;;) {
      kept.incoming.subscribe().block();
      const all = kept.incoming.receive(10);
      if (all.length > 0) return all.map(({ data }) => api.text(data));
    }`;
    expect(await guest.value(receive)).toEqual(['answer']);
  });

  it('are received from everybody where listening is granted, and no more than are kept', async () => {
    const { socket } = await peer();
    const guest = await scene(['network:listen:udp://127.0.0.1:*']);
    const port = (await guest.value(bindUdp(0))) as number;
    socket.send('first', port, '127.0.0.1');
    expect(await guest.value(RECEIVE)).toEqual(['first']);
    for (let i = 0; i < 200; i++) await new Promise((sent) => socket.send(`${i}`, port, '127.0.0.1', sent));
    await expect.poll(() => guest.value('return kept.incoming.subscribe().ready()')).toBe(true);
    await new Promise(setImmediate);
    const kept = (await guest.value(
      'return kept.incoming.receive(1000).map(({ data }) => api.text(data))',
    )) as readonly string[];
    expect(kept.length).toBeLessThanOrEqual(64);
    // Sent again until one arrives: a datagram may be lost where the socket's buffer is still full.
    await expect
      .poll(async () => {
        socket.send('kept', port, '127.0.0.1');
        return guest.value('return kept.incoming.subscribe().ready()');
      })
      .toBe(true);
    guest.runtime.revoke(guest.handle, 'network:listen:udp://127.0.0.1:*');
    expect(await guest.step('return kept.incoming.receive(10)')).toMatchObject({ err: 'access-denied' });
  });

  it('say what is wrong, and end a turn that waits for them with the component', async () => {
    const { port } = await peer();
    const guest = await scene([`network:listen:udp://127.0.0.1:*`, 'network:send:udp://127.0.0.1:9']);
    expect(await guest.step(bindUdp(port))).toMatchObject({ err: 'address-in-use' });
    expect(await guest.step(bindUdp(0, '127, 0, 0, 2'))).toMatchObject({ err: 'access-denied' });
    await guest.value(bindUdp(0));
    const large = `kept.outgoing.send([{ data: new Uint8Array(65508), remoteAddress: ${at(9)} }])`;
    expect(await guest.step(large)).toMatchObject({ err: 'datagram-too-large' });
    expect(await guest.step('kept.outgoing.send([{ data: api.bytes("x") }])')).toMatchObject({
      err: 'invalid-argument',
    });
    expect(await guest.step(`kept.udp.stream(${at(port)})`)).toMatchObject({ err: 'access-denied' });
    await guest.value(`kept.old = kept.incoming; [kept.incoming, kept.outgoing] = kept.udp.stream(${at(9)})`);
    expect(await guest.step('kept.old.receive(1)')).toMatchObject({ err: 'invalid-state' });
    const received = guest.step(RECEIVE);
    await expect.poll(() => guest.runtime.state(guest.handle)).toBe('waiting');
    const ended = expect(received).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' });
    await guest.runtime.unload(guest.handle);
    await ended;
  });
});

it('addresses are written and read back as they are', () => {
  for (const text of ['127.0.0.1', '2001:db8::1', '::1', 'fe80::', '1:2:3:4:5:6:7:8']) {
    expect(ipAddressOf(textOf(ipAddressOf(text)))).toEqual(ipAddressOf(text));
  }
  expect(ipAddressOf('::1').val).toEqual([0, 0, 0, 0, 0, 0, 0, 1]);
});
