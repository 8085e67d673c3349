// Everything that a component can wait for under a grant, in both versions of WASI, ends with the error of its interface when the grant
// is revoked. The host's functions are called in turns of a real store, with real peers.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { type AddressInfo, createServer as createTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { GuestStream, HostStream } from '../../../src/runtime/host/host-streams.ts';
import { deafListener } from '../../support/deaf-listener.ts';
import { BYTES, type HostCalls } from '../../support/host-loop/host-calls.ts';
import { DONE, errorName, HostTurns, polled, promised, read, resulted, type Wait } from '../../support/host-turns.ts';

interface Peers {
  /** Takes connections and neither reads nor writes. */
  readonly tcp: number;
  /** Answers a head and half a body where it is asked for \`/half\`, nothing otherwise, and reads no body. */
  readonly http: number;
  /** Takes no connection. */
  readonly deaf: number;
  readonly udp: number;
}

interface Pending {
  /** What is revoked. */
  readonly grant: (peers: Peers) => string;
  /** Begins in one turn, and waits in the next ones. */
  readonly begin: (h: HostCalls, peers: Peers) => Wait | Promise<Wait>;
}

const at = (port: number): object => ({ tag: 'ipv4', val: { port, address: [127, 0, 0, 1] } });
const tcpTo = ({ tcp }: Peers): string => `network:connect:tcp://127.0.0.1:${tcp}`;
const httpTo = ({ http }: Peers): string => `network:connect:http://127.0.0.1:${http}`;
const udpTo = ({ udp }: Peers): string => `network:send:udp://127.0.0.1:${udp}`;
const LISTEN_TCP = (): string => 'network:listen:tcp://127.0.0.1:*';
const LISTEN_UDP = (): string => 'network:listen:udp://127.0.0.1:*';
const FILES = (): string => 'filesystem:*:/data/**';
const NAME = (): string => 'network:connect:tcp://slow.example:80';

let turns: HostTurns;
const turn = <T>(what: () => T): Promise<T> => turns.turn(what);

async function connected2(h: HostCalls, { tcp }: Peers): Promise<[object, object]> {
  const socket = await turn(() => {
    const made = h.socket();
    h.on(made, 'startConnect', h.call('wasi:sockets/instance-network#instanceNetwork'), at(tcp));
    return made;
  });
  await turns.until(() => h.on<boolean>(h.on(socket, 'subscribe'), 'ready'));
  return turn(() => h.on<[object, object]>(socket, 'finishConnect'));
}

const create3 = (h: HostCalls, kind: 'Tcp' | 'Udp'): object =>
  h.on(h.of(`wasi:sockets/types#${kind}Socket`), 'create', 'ipv4');

async function connected3(h: HostCalls, { tcp }: Peers): Promise<object> {
  const socket = await turn(() => create3(h, 'Tcp'));
  await turns.later(() => h.on(socket, 'connect', at(tcp)));
  return socket;
}

async function bound2(h: HostCalls, socket: object, port = 0, address = [127, 0, 0, 1]): Promise<void> {
  const network = (): object => h.call('wasi:sockets/instance-network#instanceNetwork');
  await turn(() => h.on(socket, 'startBind', network(), { tag: 'ipv4', val: { port, address } }));
  await turns.until(() => h.on<boolean>(h.on(socket, 'subscribe'), 'ready'));
  await turn(() => h.on(socket, 'finishBind'));
}

function answered2(h: HostCalls, future: object): unknown {
  const { val } = h.on<{ val: { tag: string; val: unknown } }>(future, 'get');
  if (val.tag === 'err') throw val.val;
  return h.keep(val.val);
}

function request3(h: HostCalls, { http }: Peers, path: string, body?: GuestStream): [object, unknown] {
  const types = 'wasi:http/types@0.3';
  const fields = h.on(h.of(`${types}#Fields`), 'fromList', [['x-own', BYTES]]);
  const [request, sent] = h.on<[object, unknown]>(h.of(`${types}#Request`), 'new', fields, body, DONE, undefined);
  h.on(request, 'setMethod', { tag: body === undefined ? 'get' : 'post' });
  h.on(request, 'setScheme', { tag: 'HTTP' });
  h.on(request, 'setAuthority', `127.0.0.1:${http}`);
  h.on(request, 'setPathWithQuery', path);
  return [request, sent];
}

/** The answer to a request of version 0.3 whose body goes on. */
async function half3(h: HostCalls, peers: Peers): Promise<[HostStream, unknown]> {
  const response = await turns.later<object>(() => h.call('wasi:http/client#send', request3(h, peers, '/half')[0]));
  return turn(() => {
    h.keep(response);
    const [stream, trailers] = h.on<[HostStream, unknown]>(
      h.of('wasi:http/types@0.3#Response'),
      'consumeBody',
      response,
      DONE,
    );
    expect(Buffer.from(stream.source.read(10) as Uint8Array).toString()).toBe('half');
    return [stream, trailers];
  });
}

const udp2 =
  (address: readonly number[], toPeer: boolean) =>
  async (h: HostCalls, { udp }: Peers): Promise<Wait> => {
    const socket = await turn(() => h.call('wasi:sockets/udp-create-socket#createUdpSocket', 'ipv4'));
    await bound2(h, socket, 0, [...address]);
    return turn(() => {
      const [incoming] = h.on<[object]>(socket, 'stream', toPeer ? at(udp) : undefined);
      return polled(h, incoming, () => h.on(incoming, 'receive', 1n));
    });
  };

const udp3 =
  (toPeer: boolean) =>
  async (h: HostCalls, { udp }: Peers): Promise<Wait> => {
    const socket = await turn(() => create3(h, 'Udp'));
    await turns.later(() => (toPeer ? h.on(socket, 'connect', at(udp)) : h.on(socket, 'bind', at(0))));
    return turn(() => promised(h.on(socket, 'receive')));
  };

const PENDING: Readonly<Record<string, Pending>> = {
  '0.2 tcp-socket.start-connect': {
    grant: ({ deaf }) => `network:connect:tcp://127.0.0.1:${deaf}`,
    begin: (h, { deaf }) =>
      turn(() => {
        const socket = h.socket();
        h.on(socket, 'startConnect', h.call('wasi:sockets/instance-network#instanceNetwork'), at(deaf));
        return polled(h, socket, () => h.on(socket, 'finishConnect'));
      }),
  },
  '0.2 tcp-socket.accept': {
    grant: LISTEN_TCP,
    async begin(h) {
      const socket = await turn(() => h.socket());
      await bound2(h, socket);
      return turn(() => {
        h.on(socket, 'startListen');
        h.on(socket, 'finishListen');
        return polled(h, socket, () => h.on(socket, 'accept'));
      });
    },
  },
  '0.2 input-stream of a connection': {
    grant: tcpTo,
    async begin(h, peers) {
      const [input] = await connected2(h, peers);
      return turn(() => polled(h, input, () => h.on(input, 'read', 10n)));
    },
  },
  '0.2 output-stream of a connection': {
    grant: tcpTo,
    async begin(h, peers) {
      const [, output] = await connected2(h, peers);
      const fill = (): void => {
        const room = h.on<bigint>(output, 'checkWrite');
        if (room > 0n) h.on(output, 'write', new Uint8Array(Number(room)));
      };
      return turn(() => {
        for (let round = 0; round < 100; round++) fill();
        const wait = polled(h, output, () => h.on(output, 'checkWrite'));
        // The system takes more, until its buffers are full too.
        return {
          ...wait,
          isOver() {
            if (!wait.isOver()) return false;
            try {
              fill();
              return false;
            } catch (failure) {
              if (failure instanceof Error) throw failure;
              return true;
            }
          },
        };
      });
    },
  },
  '0.2 incoming-datagram-stream of one peer': { grant: udpTo, begin: udp2([0, 0, 0, 0], true) },
  '0.2 incoming-datagram-stream of a bound socket': { grant: LISTEN_UDP, begin: udp2([127, 0, 0, 1], false) },
  '0.2 incoming-datagram-stream of a bound socket, of one peer': {
    grant: LISTEN_UDP,
    begin: udp2([127, 0, 0, 1], true),
  },
  '0.2 resolve-address-stream': {
    grant: NAME,
    begin: (h) =>
      turn(() => {
        const network = h.call('wasi:sockets/instance-network#instanceNetwork');
        const stream = h.call('wasi:sockets/ip-name-lookup#resolveAddresses', network, 'slow.example');
        return polled(h, stream, () => h.on(stream, 'resolveNextAddress'));
      }),
  },
  '0.2 future-incoming-response': {
    grant: httpTo,
    begin: (h, { http }) =>
      turn(() => {
        const future = h.keep(h.begin(h.request(http)));
        return polled(h, future, () => answered2(h, future));
      }),
  },
  '0.2 input-stream of an incoming-body': {
    grant: httpTo,
    async begin(h, { http }) {
      const future = await turn(() => {
        const request = h.request(http);
        h.on(request, 'setPathWithQuery', '/half');
        return h.keep(h.begin(request));
      });
      await turns.until(() => h.on<boolean>(h.on(future, 'subscribe'), 'ready'));
      const input = await turn(() => h.on(h.on(answered2(h, future) as object, 'consume'), 'stream'));
      await turns.until(() => h.on<boolean>(h.on(input, 'subscribe'), 'ready'));
      return turn(() => {
        expect(Buffer.from(h.on<Uint8Array>(input, 'read', 10n)).toString()).toBe('half');
        return polled(h, input, () => h.on(input, 'read', 10n));
      });
    },
  },
  '0.2 output-stream of an outgoing-body': {
    grant: httpTo,
    begin: (h, { http }) =>
      turn(() => {
        const request = h.request(http);
        h.on(request, 'setMethod', { tag: 'post' });
        const output = h.on(h.on(request, 'body'), 'write');
        const future = h.keep(h.begin(request));
        // It is told by the exchange: the body itself says only that nobody takes it any more.
        const wait = polled(h, future, () => answered2(h, future));
        h.on(output, 'write', BYTES);
        return wait;
      }),
  },
  '0.3 tcp-socket.connect': {
    grant: ({ deaf }) => `network:connect:tcp://127.0.0.1:${deaf}`,
    begin: (h, { deaf }) => turn(() => promised(h.on(create3(h, 'Tcp'), 'connect', at(deaf)))),
  },
  '0.3 tcp-socket.listen': {
    grant: LISTEN_TCP,
    async begin(h) {
      const socket = await turn(() => create3(h, 'Tcp'));
      await turns.later(() => h.on(socket, 'bind', at(0)));
      return turn(() => read(h.on<HostStream>(socket, 'listen')));
    },
  },
  '0.3 tcp-socket.receive': {
    grant: tcpTo,
    async begin(h, peers) {
      const socket = await connected3(h, peers);
      return turn(() => read(h.on<[HostStream]>(socket, 'receive')[0]));
    },
  },
  '0.3 tcp-socket.send': {
    grant: tcpTo,
    async begin(h, peers) {
      const socket = await connected3(h, peers);
      return turn(() => resulted(h.on(socket, 'send', turns.endless())));
    },
  },
  '0.3 udp-socket.receive of one peer': { grant: udpTo, begin: udp3(true) },
  '0.3 udp-socket.receive of a bound socket': { grant: LISTEN_UDP, begin: udp3(false) },
  '0.3 resolve-addresses': {
    grant: NAME,
    begin: (h) => turn(() => promised(h.call('wasi:sockets/ip-name-lookup@0.3#resolveAddresses', 'slow.example'))),
  },
  '0.3 client.send': {
    grant: httpTo,
    begin: (h, peers) => turn(() => promised(h.call('wasi:http/client#send', request3(h, peers, '/')[0]))),
  },
  '0.3 the stream of response.consume-body': {
    grant: httpTo,
    begin: async (h, peers) => read((await half3(h, peers))[0]),
  },
  '0.3 the trailers of response.consume-body': {
    grant: httpTo,
    async begin(h, peers) {
      const [{ source, ended }, trailers] = await half3(h, peers);
      // The guest has dropped the stream, and still waits for what comes behind.
      await turn(() => {
        source.close?.();
        ended(undefined);
      });
      return resulted(trailers);
    },
  },
  '0.3 the transmission of request.new': {
    grant: httpTo,
    begin: (h, peers) =>
      turn(() => {
        const [request, sent] = request3(h, peers, '/', turns.endless());
        h.call('wasi:http/client#send', request);
        return resulted(sent);
      }),
  },
  '0.3 descriptor.append-via-stream': {
    grant: FILES,
    begin: (h) =>
      turn(() => {
        const quiet = Promise.withResolvers<void>();
        let more = (): void => {};
        const stream: GuestStream = {
          // The guest writes once more whenever it is looked at.
          pump: (sink) =>
            new Promise((resolve) => {
              more = () => {
                try {
                  if (sink.room() > 0) sink.write(BYTES);
                } catch (failure) {
                  resolve(failure);
                }
              };
            }),
          drop: () => quiet.resolve(),
        };
        const wait = resulted(h.on(h.file(3), 'appendViaStream', stream));
        return {
          ...wait,
          isOver() {
            more();
            return wait.isOver();
          },
        };
      }),
  },
};

const DENIED = ['access-denied', 'HTTP-request-denied', 'not-permitted', 'access'];

describe('what a component waits for when its grant is revoked', () => {
  let peers: Peers;
  let load: () => Promise<void>;
  const closing: (() => unknown)[] = [];

  beforeAll(async () => {
    const sockets: Socket[] = [];
    const tcp = createTcp((socket) => void sockets.push(socket.on('error', () => {}).pause()));
    tcp.listen(0, '127.0.0.1');
    const http = createHttp((request, response) => {
      if (request.url !== '/half') return;
      response.writeHead(200, { 'content-length': 8 });
      response.write('half');
    });
    http.listen(0, '127.0.0.1');
    const udp = createSocket('udp4').bind(0, '127.0.0.1');
    const [deafened] = await Promise.all([
      deafListener(),
      once(tcp, 'listening'),
      once(http, 'listening'),
      once(udp, 'listening'),
    ]);
    const { port: deaf } = deafened;
    const folder = mkdtempSync(join(tmpdir(), 'vivarium-revoked-'));
    writeFileSync(join(folder, 'file'), 'content');
    closing.push(
      () => {
        for (const socket of sockets) socket.destroy();
      },
      () => http.closeAllConnections(),
      () => http.close(),
      () => tcp.close(),
      () => udp.close(),
      () => deafened.close(),
      () => rmSync(folder, { recursive: true }),
    );
    peers = {
      tcp: (tcp.address() as AddressInfo).port,
      http: (http.address() as AddressInfo).port,
      udp: udp.address().port,
      deaf,
    };
    // Stands for a name service that takes its time.
    const names = { lookUp: () => new Promise<never>(() => {}) };
    turns = await HostTurns.make({ overrides: { names } });
    load = () =>
      turns.load({
        preopens: { '/data': folder },
        grants: [
          tcpTo(peers),
          httpTo(peers),
          udpTo(peers),
          LISTEN_TCP(),
          LISTEN_UDP(),
          FILES(),
          NAME(),
          `network:connect:tcp://127.0.0.1:${deaf}`,
          // It may still send somewhere, connect somewhere and write somewhere.
          'network:send:udp://127.0.0.1:9',
          'network:connect:*://192.0.2.1:*',
          'filesystem:*:/other/**',
        ],
      });
  });
  beforeEach(() => load());
  afterEach(() => turns.unload());
  afterAll(async () => {
    await turns.runtime.close();
    for (const close of closing) await close();
  });

  it.each(Object.entries(PENDING))('%s ends with the denial of its interface', async (_, { grant, begin }) => {
    const wait = await begin(turns.host, peers);
    await new Promise(setImmediate);
    expect(await turn(wait.isOver)).toBe(false);
    expect(turns.runtime.revoke(turns.handle, grant(peers))).toBeGreaterThan(0);
    await turns.until(wait.isOver);
    const denied = await turn(wait.answer).then(
      (answer) => expect.unreachable(`it was answered ${JSON.stringify(answer)}`),
      errorName,
    );
    expect(DENIED).toContain(denied);
  });

  it.each(Object.entries(PENDING).filter(([name]) => !name.includes('append')))(
    '%s goes on where another grant is revoked',
    async (_, { begin }) => {
      const wait = await begin(turns.host, peers);
      expect(turns.runtime.revoke(turns.handle, 'network:send:udp://127.0.0.1:9')).toBe(1);
      await new Promise(setImmediate);
      expect(await turn(wait.isOver)).toBe(false);
    },
  );

  it('is waited for again once the grant is given again, and ends at the next revocation', async () => {
    const { isOver, answer } = await (PENDING['0.2 tcp-socket.accept'] as Pending).begin(turns.host, peers);
    for (let round = 0; round < 2; round++) {
      expect(turns.runtime.revoke(turns.handle, LISTEN_TCP())).toBe(1);
      await turns.until(isOver);
      await expect(turn(answer)).rejects.toBe('access-denied');
      turns.runtime.grant(turns.handle, LISTEN_TCP());
      await expect(turn(answer)).rejects.toBe('would-block');
      expect(await turn(isOver)).toBe(false);
    }
  });
});
