// Sockets of WASI 0.3: what wasmtime's own programs (`p3_sockets_*`) ask of a host, in memory and over the system's sockets.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { HostStream } from '../../../src/runtime/host/host-streams.ts';
import { socketErrorOf } from '../../../src/runtime/wasi/sockets/error-code.ts';
import { caseOf } from '../../../src/runtime/wasi/v3/sockets/error-case.ts';
import { SecurityError } from '../../../src/security/errors.ts';
import type { HostCalls } from '../../support/host-loop/host-calls.ts';
import { HostTurns } from '../../support/host-turns.ts';

type Family = 'ipv4' | 'ipv6';
interface Address {
  readonly tag: Family;
  readonly val: { readonly port: number; readonly address: readonly number[] };
}

const ADDRESSES = {
  ipv4: { loopback: [127, 0, 0, 1], unspecified: [0, 0, 0, 0], reserved: [192, 0, 2, 0] },
  ipv6: {
    loopback: [0, 0, 0, 0, 0, 0, 0, 1],
    unspecified: Array(8).fill(0),
    reserved: [0x2001, 0xdb8, 0, 0, 0, 0, 0, 0],
  },
} as const;
const FAMILIES = ['ipv4', 'ipv6'] as const;
const other = (family: Family): Family => (family === 'ipv4' ? 'ipv6' : 'ipv4');

function place(family: Family, address: readonly number[], port = 0): Address {
  const more = family === 'ipv6' ? { flowInfo: 0, scopeId: 0 } : {};
  return { tag: family, val: { port, address, ...more } };
}
const loopback = (family: Family, port = 0): Address => place(family, ADDRESSES[family].loopback, port);
const unspecified = (family: Family, port = 0): Address => place(family, ADDRESSES[family].unspecified, port);
/** An IPv4 address as IPv6. */
const mapped = (port = 0): Address => place('ipv6', [0, 0, 0, 0, 0, 0xffff, 0x7f00, 1], port);
const NOT_UNICAST: readonly Address[] = [
  place('ipv4', [255, 255, 255, 255], 47),
  place('ipv4', [224, 254, 0, 0], 47),
  place('ipv6', [0xff00, 0, 0, 0, 0, 0, 0, 0], 47),
];

const GRANTS = ['127.0.0.1', '[::1]', '0.0.0.0', '[::]', '192.0.2.0', '[2001:db8::]'].flatMap((host) => [
  `network:*:tcp://${host}:*`,
  `network:*:udp://${host}:*`,
]);

let turns: HostTurns;
let h: HostCalls;
beforeAll(async () => {
  const names = {
    lookUp: async (name: string) =>
      name === 'known.example' ? ['93.184.216.34'] : Promise.reject(new Error('ENOTFOUND')),
  };
  turns = await HostTurns.make({ overrides: { names } });
  h = turns.host;
});
afterAll(() => turns.runtime.close());

const make = (kind: 'Tcp' | 'Udp', family: Family): Promise<object> =>
  turns.turn(() => h.on(h.of(`wasi:sockets/types#${kind}Socket`), 'create', family));
const call = <T = unknown>(socket: object, name: string, ...args: unknown[]): Promise<T> =>
  turns.later<T>(() => h.on(socket, name, ...args));
const fails = (socket: object, name: string, ...args: unknown[]): Promise<unknown> =>
  turns.failure(() => h.on(socket, name, ...args));

/** A connection, as both of its ends have it. */
interface Pair {
  readonly listener: object;
  readonly listening: HostStream;
  readonly server: object;
  readonly client: object;
}

async function accepted(listening: HostStream): Promise<object> {
  await turns.until(() => listening.source.ready());
  const [socket] = await turns.turn(() => listening.source.read(1) as readonly object[]);
  return h.keep(socket as object);
}

async function connected(family: Family): Promise<Pair> {
  const [listener, client] = [await make('Tcp', family), await make('Tcp', family)];
  await call(listener, 'bind', loopback(family));
  const listening = await call<HostStream>(listener, 'listen');
  await call(client, 'connect', await call(listener, 'getLocalAddress'));
  return { listener, listening, client, server: await accepted(listening) };
}

const drop = (socket: object): Promise<void> =>
  turns.turn(() => void Reflect.apply(Reflect.get(socket, Symbol.dispose), socket, []));
const send = (socket: object, text: string): Promise<unknown> =>
  turns.later(() => h.on(socket, 'send', turns.writes(Buffer.from(text)).stream));
const receive = (socket: object): Promise<[HostStream, Promise<unknown>]> => turns.turn(() => h.on(socket, 'receive'));
const OK = { tag: 'ok', val: undefined };
const failed = (tag: string): unknown => ({ tag: 'err', val: { tag } });

describe.each(FAMILIES)('TCP sockets of WASI 0.3 of %s that bind', (family) => {
  beforeEach(() => turns.load({ grants: GRANTS }));
  afterEach(() => turns.unload());

  it.each(['loopback', 'unspecified'] as const)(
    'bind to a free port and to a given one of the %s address',
    async (which) => {
      const [one, two] = [await make('Tcp', family), await make('Tcp', family)];
      const at = place(family, ADDRESSES[family][which]);
      await call(one, 'bind', at);
      const bound = await call<Address>(one, 'getLocalAddress');
      expect(bound.val.address).toEqual(at.val.address);
      expect(bound.val.port).not.toBe(0);
      expect(await fails(two, 'bind', bound)).toBe('address-in-use');
      await drop(one);
      // Its descriptor is closed a moment later.
      await expect.poll(() => fails(two, 'bind', bound)).toEqual({ answer: undefined });
      expect(await call(two, 'getLocalAddress')).toEqual(bound);
    },
  );

  it('bind to the address of a listener that had a connection', async () => {
    const { listener, listening, client, server } = await connected(family);
    const at = await call<Address>(listener, 'getLocalAddress');
    expect(await send(server, 'last words')).toEqual(OK);
    for (const socket of [server, listener, client]) await drop(socket);
    await turns.turn(() => listening.source.close?.());
    const next = await make('Tcp', family);
    await expect.poll(() => fails(next, 'bind', at)).toEqual({ answer: undefined });
    await call(next, 'listen');
  });

  it('do not bind to what is no address of theirs', async () => {
    const socket = await make('Tcp', family);
    expect(await fails(socket, 'bind', loopback(other(family)))).toBe('invalid-argument');
    for (const address of NOT_UNICAST.filter(({ tag }) => tag === family)) {
      expect(await fails(socket, 'bind', address)).toBe('invalid-argument');
    }
    if (family === 'ipv6') expect(await fails(socket, 'bind', mapped())).toBe('invalid-argument');
    const reserved = place(family, ADDRESSES[family].reserved);
    expect(await fails(socket, 'bind', reserved)).toBe('address-not-bindable');
    // None of this has bound it.
    await call(socket, 'bind', loopback(family));
  });

  it('listen where they were bound, and bind themselves where they were not', async () => {
    const [one, two] = [await make('Tcp', family), await make('Tcp', family)];
    expect(await fails(one, 'getLocalAddress')).toBe('invalid-state');
    await call(one, 'listen');
    expect((await call<Address>(one, 'getLocalAddress')).val.port).not.toBe(0);
    await call(two, 'bind', unspecified(family));
    const at = await call(two, 'getLocalAddress');
    await call(two, 'listen');
    expect(await call(two, 'getLocalAddress')).toEqual(at);
  });
});

describe.each([
  ['in memory', [] as readonly string[]],
  ['of the system', GRANTS],
])('TCP sockets of WASI 0.3 %s', (_, grants) => {
  beforeEach(() => turns.load({ grants }));
  afterEach(() => turns.unload());

  describe.each(FAMILIES)('of %s', (family) => {
    it('do not connect to what is no end of a connection', async () => {
      const socket = await make('Tcp', family);
      const wrong = [unspecified(family, 47), loopback(family, 0), loopback(other(family), 47), ...NOT_UNICAST];
      for (const address of wrong) expect(await fails(socket, 'connect', address)).toBe('invalid-argument');
      if (family === 'ipv6') expect(await fails(socket, 'connect', mapped(47))).toBe('invalid-argument');
    });

    it('connect from the address to which they were bound', async () => {
      const [listener, client] = [await make('Tcp', family), await make('Tcp', family)];
      await call(listener, 'bind', loopback(family));
      const listening = await call<HostStream>(listener, 'listen');
      await call(client, 'bind', loopback(family));
      const from = await call(client, 'getLocalAddress');
      await call(client, 'connect', await call(listener, 'getLocalAddress'));
      expect(await call(await accepted(listening), 'getRemoteAddress')).toEqual(from);
    });

    it('say in each state what they are', async () => {
      const unbound = await make('Tcp', family);
      const { listener, client } = await connected(family);
      const bound = await make('Tcp', family);
      await call(bound, 'bind', loopback(family));
      const [again, to] = [loopback(family), loopback(family, 1)];
      const states = { unbound, bound, listener, client } as const;
      for (const [name, socket] of Object.entries(states)) {
        const [local, remote] = [await fails(socket, 'getLocalAddress'), await fails(socket, 'getRemoteAddress')];
        expect(local === 'invalid-state', name).toBe(name === 'unbound');
        expect(remote === 'invalid-state', name).toBe(name !== 'client');
        expect(await call(socket, 'getIsListening'), name).toBe(name === 'listener');
        expect(await call(socket, 'getAddressFamily'), name).toBe(family);
        if (name !== 'unbound') expect(await fails(socket, 'bind', again), name).toBe('invalid-state');
        if (name !== 'client') {
          expect(await fails(socket, 'send', turns.writes(Buffer.from('x')).stream), name).toBe('invalid-state');
          const [, ended] = await receive(socket);
          expect(await ended, name).toEqual(failed('invalid-state'));
        }
        if (name === 'listener' || name === 'client') {
          expect(await fails(socket, 'connect', to), name).toBe('invalid-state');
          expect(await fails(socket, 'listen'), name).toBe('invalid-state');
        }
        await call(socket, 'setListenBacklogSize', 32n);
        await call(socket, 'setKeepAliveEnabled', false);
        await call(socket, 'setKeepAliveIdleTime', 1n);
        expect(await call(socket, 'getKeepAliveIdleTime'), name).toBe(1_000_000_000n);
      }
    });

    it('give what an accepted one begins with, and keep it when the listener changes', async () => {
      const [listener, client] = [await make('Tcp', family), await make('Tcp', family)];
      await call(listener, 'setKeepAliveEnabled', true);
      await call(listener, 'setKeepAliveIdleTime', 42_000_000_000n);
      await call(listener, 'bind', loopback(family));
      const listening = await call<HostStream>(listener, 'listen');
      await call(client, 'connect', await call(listener, 'getLocalAddress'));
      const socket = await accepted(listening);
      await call(listener, 'setKeepAliveEnabled', false);
      await call(listener, 'setKeepAliveIdleTime', 43_000_000_000n);
      expect(await call(socket, 'getKeepAliveEnabled')).toBe(true);
      expect(await call(socket, 'getKeepAliveIdleTime')).toBe(42_000_000_000n);
    });

    it('stream both ways, and go on when the sockets are dropped', async () => {
      const { server, client } = await connected(family);
      const [[fromServer, serverEnded], [fromClient, clientEnded]] = [await receive(client), await receive(server)];
      const sending = turns.turn(() => [
        h.on<Promise<unknown>>(server, 'send', turns.writes(Buffer.from('ping')).stream),
        h.on<Promise<unknown>>(client, 'send', turns.writes(Buffer.from('pong')).stream),
      ]);
      await sending;
      await drop(server);
      await drop(client);
      expect(Buffer.from(await turns.collected(fromServer)).toString()).toBe('ping');
      expect(Buffer.from(await turns.collected(fromClient)).toString()).toBe('pong');
      expect(await Promise.all([serverEnded, clientEnded, ...(await sending)])).toEqual([OK, OK, OK, OK]);
    });

    it('end a stream that is received when the other side has gone', async () => {
      const { server, client } = await connected(family);
      const [stream, ended] = await receive(client);
      await drop(server);
      expect(await turns.collected(stream)).toHaveLength(0);
      expect(await ended).toEqual(OK);
    });

    it('say that receiving has ended when its stream is dropped with bytes left', async () => {
      const { server, client } = await connected(family);
      const [stream, ended] = await receive(client);
      expect(await send(server, 'Lorem ipsum dolor sit amet')).toEqual(OK);
      await turns.until(() => stream.source.ready());
      await turns.turn(() => {
        expect(stream.source.read(1)).toHaveLength(1);
        stream.source.close?.();
        stream.ended(undefined);
      });
      expect(await ended).toEqual(OK);
    });

    it('say that sending has ended when its stream ends without a byte', async () => {
      const { client } = await connected(family);
      expect(await send(client, '')).toEqual(OK);
    });

    it('drop the stream that is sent when the other side has gone, and say why', async () => {
      const { server, client } = await connected(family);
      const [sending] = await turns.turn(() => [h.on<Promise<unknown>>(client, 'send', turns.endless())]);
      await drop(server);
      expect(await sending).toEqual(failed('connection-broken'));
    });

    it('receive once and send once', async () => {
      const { server, client } = await connected(family);
      await receive(client);
      expect(await send(client, 'first')).toEqual(OK);
      expect(await send(server, 'never read')).toEqual(OK);
      for (let round = 0; round < 3; round++) {
        const [stream, ended] = await receive(client);
        expect([await turns.collected(stream), await ended]).toEqual([new Uint8Array(), failed('invalid-state')]);
        const { stream: data, dropped } = turns.writes(Buffer.from('undeliverable'));
        expect(await turns.later(() => h.on(client, 'send', data))).toEqual(failed('invalid-state'));
        expect(dropped()).toBe(true);
      }
    });
  });

  it('check the ranges of what is set, and say what cannot be set', async () => {
    const socket = await make('Tcp', 'ipv4');
    for (const name of ['setListenBacklogSize', 'setKeepAliveIdleTime', 'setKeepAliveInterval']) {
      expect(await fails(socket, name, 0n), name).toBe('invalid-argument');
      for (const value of [1n, 2n ** 64n - 1n]) await call(socket, name, value);
    }
    expect(await fails(socket, 'setKeepAliveCount', 0)).toBe('invalid-argument');
    for (const value of [1, 2 ** 32 - 1]) await call(socket, 'setKeepAliveCount', value);
    for (const name of ['KeepAliveIdleTime', 'KeepAliveInterval', 'KeepAliveCount']) {
      expect(Number(await call(socket, `get${name}`)), name).toBeGreaterThan(0);
    }
    for (const name of ['HopLimit', 'ReceiveBufferSize', 'SendBufferSize']) {
      expect(await fails(socket, `get${name}`), name).toBe('not-supported');
      expect(await fails(socket, `set${name}`, 42), name).toBe('not-supported');
    }
  });
});

describe('a TCP socket of WASI 0.3 whose peer resets it', () => {
  beforeEach(() => turns.load({ grants: GRANTS }));
  afterEach(() => turns.unload());

  it('drops the stream that it sends, and names the reset or the broken connection', async () => {
    const sockets: Socket[] = [];
    const peer = createServer((socket) => void sockets.push(socket.on('error', () => {}).pause())).listen(
      0,
      '127.0.0.1',
    );
    await once(peer, 'listening');
    onTestFinished(() => void peer.close());
    const socket = await make('Tcp', 'ipv4');
    await call(socket, 'connect', loopback('ipv4', (peer.address() as AddressInfo).port));
    const [sending] = await turns.turn(() => [h.on<Promise<unknown>>(socket, 'send', turns.endless())]);
    await expect.poll(() => sockets).toHaveLength(1);
    sockets[0]?.resetAndDestroy();
    expect([failed('connection-reset'), failed('connection-broken')]).toContainEqual(await sending);
  });
});

it('a write to a connection that is gone is a broken connection in WASI 0.3', () => {
  const error = new SecurityError('SECURITY_NETWORK_FAILED', 'write EPIPE', { details: { reason: 'EPIPE' } });
  expect(caseOf(socketErrorOf(error))).toEqual({ tag: 'connection-broken' });
  expect(socketErrorOf(error)).toBe('connection-aborted');
});

describe.each(FAMILIES)('UDP sockets of WASI 0.3 of %s', (family) => {
  beforeEach(() => turns.load({ grants: GRANTS }));
  afterEach(() => turns.unload());

  it.each(['loopback', 'unspecified'] as const)(
    'bind to a free port and to a given one of the %s address',
    async (which) => {
      const [one, two] = [await make('Udp', family), await make('Udp', family)];
      await call(one, 'bind', place(family, ADDRESSES[family][which]));
      const bound = await call<Address>(one, 'getLocalAddress');
      expect(bound.val.port).not.toBe(0);
      expect(await fails(two, 'bind', bound)).toBe('address-in-use');
      await drop(one);
      await expect.poll(() => fails(two, 'bind', bound)).toEqual({ answer: undefined });
      expect(await call(two, 'getLocalAddress')).toEqual(bound);
    },
  );

  it('do not bind, connect or send to what is no address of theirs', async () => {
    const socket = await make('Udp', family);
    expect(await fails(socket, 'bind', loopback(other(family)))).toBe('invalid-argument');
    expect(await fails(socket, 'bind', place(family, ADDRESSES[family].reserved))).toBe('address-not-bindable');
    if (family === 'ipv6') expect(await fails(socket, 'bind', mapped())).toBe('invalid-argument');
    const wrong = [unspecified(family, 47), loopback(family, 0), loopback(other(family), 47), mapped(47)];
    for (const address of wrong) {
      expect(await fails(socket, 'connect', address)).toBe('invalid-argument');
      expect(await fails(socket, 'send', Buffer.from('x'), address)).toBe('invalid-argument');
    }
  });

  it('are connected, connected to another peer and disconnected', async () => {
    const socket = await make('Udp', family);
    const peers = [loopback(family, 4321), loopback(family, 4321), loopback(family, 4320)];
    for (let round = 0; round < 2; round++) {
      expect(await fails(socket, 'disconnect')).toBe('invalid-state');
      expect(await fails(socket, 'getRemoteAddress')).toBe('invalid-state');
    }
    for (const peer of peers) {
      await call(socket, 'connect', peer);
      expect(await call(socket, 'getRemoteAddress')).toEqual(peer);
    }
    await call(socket, 'disconnect');
    expect(await fails(socket, 'getRemoteAddress')).toBe('invalid-state');
  });

  it('bind themselves where they connect or send, and not where they receive', async () => {
    const [connects, sends, receives] = [
      await make('Udp', family),
      await make('Udp', family),
      await make('Udp', family),
    ];
    await call(connects, 'connect', loopback(family, 47));
    expect(await fails(connects, 'bind', loopback(family))).toBe('invalid-state');
    await call(sends, 'send', Buffer.from('Hello, world!'), loopback(family, 42));
    expect(await fails(sends, 'getRemoteAddress')).toBe('invalid-state');
    for (const socket of [connects, sends]) {
      expect((await call<Address>(socket, 'getLocalAddress')).val.port).not.toBe(0);
    }
    expect(await fails(receives, 'receive')).toBe('invalid-state');
    expect(await fails(receives, 'getLocalAddress')).toBe('invalid-state');
    expect(await fails(receives, 'send', Buffer.from('x'), undefined)).toBe('invalid-argument');
    expect(await fails(receives, 'getLocalAddress')).toBe('invalid-state');
  });

  it('pass datagrams on as they are, empty ones too, and say from where', async () => {
    const [server, client, another] = [await make('Udp', family), await make('Udp', family), await make('Udp', family)];
    await call(server, 'bind', loopback(family));
    const to = await call<Address>(server, 'getLocalAddress');
    await call(client, 'bind', unspecified(family));
    await call(client, 'connect', to);
    const { port } = (await call<Address>(client, 'getLocalAddress')).val;
    await call(client, 'send', Buffer.from(''), undefined);
    await call(client, 'send', Buffer.from('Hello, world!'), to);
    expect(await fails(client, 'send', Buffer.from('x'), loopback(family, 9))).toBe('invalid-argument');
    for (const text of ['', 'Hello, world!']) {
      const [data, from] = await call<[Uint8Array, Address]>(server, 'receive');
      expect([Buffer.from(data).toString(), from]).toEqual([text, loopback(family, port)]);
    }
    await call(another, 'send', Buffer.from('Greetings, planet!'), to);
    const [data] = await call<[Uint8Array]>(server, 'receive');
    expect(Buffer.from(data).toString()).toBe('Greetings, planet!');
  });
});

describe('look-ups of WASI 0.3', () => {
  beforeEach(() => turns.load({ grants: ['network:connect:tcp://**:*'] }));
  afterEach(() => turns.unload());
  const lookUp = (name: string): unknown => h.call('wasi:sockets/ip-name-lookup@0.3#resolveAddresses', name);

  it.each<[string, Family, readonly number[]]>([
    ['0.0.0.0', 'ipv4', [0, 0, 0, 0]],
    ['127.0.0.1', 'ipv4', [127, 0, 0, 1]],
    ['::', 'ipv6', Array(8).fill(0)],
    ['[::]', 'ipv6', Array(8).fill(0)],
    ['::1', 'ipv6', [0, 0, 0, 0, 0, 0, 0, 1]],
    ['2001:0db8:0:0:0:0:0:0', 'ipv6', [0x2001, 0xdb8, 0, 0, 0, 0, 0, 0]],
    ['DEAD:BEEF::0', 'ipv6', [0xdead, 0xbeef, 0, 0, 0, 0, 0, 0]],
  ])('answer the address %s as it is', async (name, tag, val) => {
    expect(await turns.later(() => lookUp(name))).toEqual([{ tag, val }]);
  });

  it.each(['', ' ', 'a.b<&>', '127.0.0.1:80', '[::]:80', 'http://example.com/', '[::', '[known.example]'])(
    'refuse %j as no name',
    async (name) => {
      expect(await turns.failure(() => lookUp(name))).toBe('invalid-argument');
    },
  );

  it('answer addresses of a name, and say that there are none', async () => {
    expect(await turns.later(() => lookUp('known.example'))).toEqual([{ tag: 'ipv4', val: [93, 184, 216, 34] }]);
    expect(await turns.failure(() => lookUp('none.example'))).toBe('name-unresolvable');
  });
});
