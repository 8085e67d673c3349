// Connections that are granted, refused and dropped while they are made, and look-ups of names.
import { BYTES } from './host-calls.ts';
import { functions, methods, none, type Scenario } from './scenario.ts';

const place = (port: number, last = 1): object => ({ tag: 'ipv4', val: { port, address: [127, 0, 0, last] } });

export const SOCKETS: readonly Scenario[] = [
  ...functions('wasi:sockets/instance-network', { instanceNetwork: none }),
  ...functions('wasi:sockets/ip-name-lookup', {
    resolveAddresses: (h) =>
      ['localhost', 'not.granted', '', 'bad name'].map((name) => [
        h.call('wasi:sockets/instance-network#instanceNetwork'),
        name,
      ]),
  }),
  ...methods(
    'wasi:sockets/ip-name-lookup#ResolveAddressStream',
    [
      (h) =>
        h.call(
          'wasi:sockets/ip-name-lookup#resolveAddresses',
          h.call('wasi:sockets/instance-network#instanceNetwork'),
          'localhost',
        ),
    ],
    {
      resolveNextAddress: none,
      subscribe: none,
    },
  ),
  ...functions('wasi:sockets/tcp-create-socket', { createTcpSocket: () => [['ipv4'], ['ipv6']] }),
  ...functions('wasi:sockets/udp-create-socket', { createUdpSocket: () => [['ipv4'], ['ipv6']] }),
  ...methods('wasi:sockets/udp#UdpSocket', [(h) => h.call('wasi:sockets/udp-create-socket#createUdpSocket', 'ipv4')], {
    startBind: (h) =>
      [1, 2].map((last) => [
        h.call('wasi:sockets/instance-network#instanceNetwork'),
        { tag: 'ipv4', val: { port: 0, address: [127, 0, 0, last] } },
      ]),
    stream: () => [[undefined], [{ tag: 'ipv4', val: { port: 9, address: [127, 0, 0, 1] } }]],
    ...Object.fromEntries(
      [
        'finishBind',
        'localAddress',
        'remoteAddress',
        'addressFamily',
        'subscribe',
        'unicastHopLimit',
        'setUnicastHopLimit',
        'receiveBufferSize',
        'setReceiveBufferSize',
        'sendBufferSize',
        'setSendBufferSize',
      ].map((name) => [name, none]),
    ),
  }),
  ...methods('wasi:sockets/tcp#TcpSocket', [(h) => h.socket()], {
    startConnect: (h) =>
      [h.ports.tcp, 1, 0].map((port) => [
        h.call('wasi:sockets/instance-network#instanceNetwork'),
        { tag: 'ipv4', val: { port, address: [127, 0, 0, 1] } },
      ]),
    startBind: (h) =>
      [0, 1].map((port) => [
        h.call('wasi:sockets/instance-network#instanceNetwork'),
        { tag: 'ipv4', val: { port, address: [127, 0, 0, 1 + port] } },
      ]),
    setListenBacklogSize: () => [[0n], [8n]],
    shutdown: () => [['receive'], ['send'], ['both']],
    setKeepAliveEnabled: () => [[true], [false]],
    setKeepAliveIdleTime: () => [[0n], [1n], [2n ** 63n]],
    setKeepAliveInterval: () => [[0n], [1n]],
    setKeepAliveCount: () => [[0], [1]],
    ...Object.fromEntries(
      [
        'finishConnect',
        'localAddress',
        'remoteAddress',
        'isListening',
        'addressFamily',
        'subscribe',
        'finishBind',
        'startListen',
        'finishListen',
        'accept',
        'keepAliveEnabled',
        'keepAliveIdleTime',
        'keepAliveInterval',
        'keepAliveCount',
        'hopLimit',
        'setHopLimit',
        'receiveBufferSize',
        'setReceiveBufferSize',
        'sendBufferSize',
        'setSendBufferSize',
      ].map((name) => [name, none]),
    ),
  }),
  ...methods('wasi:sockets/types#TcpSocket', [(h) => h.on(h.of('wasi:sockets/types#TcpSocket'), 'create', 'ipv4')], {
    bind: () => [[place(0)], [place(0, 2)], [place(0, 255)]],
    connect: (h) => [h.ports.tcp, 1, 0].map((port) => [place(port)]),
    send: (h) => [[h.stream()]],
    setListenBacklogSize: () => [[0n], [8n]],
    setKeepAliveEnabled: () => [[true], [false]],
    setKeepAliveIdleTime: () => [[0n], [1n], [2n ** 63n]],
    setKeepAliveInterval: () => [[0n], [1n]],
    setKeepAliveCount: () => [[0], [1]],
    ...Object.fromEntries(
      [
        'listen',
        'receive',
        'getLocalAddress',
        'getRemoteAddress',
        'getIsListening',
        'getAddressFamily',
        'getKeepAliveEnabled',
        'getKeepAliveIdleTime',
        'getKeepAliveInterval',
        'getKeepAliveCount',
        'getHopLimit',
        'setHopLimit',
        'getReceiveBufferSize',
        'setReceiveBufferSize',
        'getSendBufferSize',
        'setSendBufferSize',
      ].map((name) => [name, none]),
    ),
  }),
  ...methods('wasi:sockets/types#UdpSocket', [(h) => h.on(h.of('wasi:sockets/types#UdpSocket'), 'create', 'ipv4')], {
    bind: () => [[place(0)], [place(0, 2)]],
    connect: () => [[place(9)], [place(0)]],
    send: () => [
      [BYTES, place(9)],
      [BYTES, undefined],
    ],
    ...Object.fromEntries(
      [
        'disconnect',
        'receive',
        'getLocalAddress',
        'getRemoteAddress',
        'getAddressFamily',
        'getUnicastHopLimit',
        'setUnicastHopLimit',
        'getReceiveBufferSize',
        'setReceiveBufferSize',
        'getSendBufferSize',
        'setSendBufferSize',
      ].map((name) => [name, none]),
    ),
  }),
  ...['TcpSocket', 'UdpSocket'].map(
    (name): Scenario => [
      `wasi:sockets/types#${name}[static]create`,
      ['ipv4', 'ipv6'].map((family) => (h) => void h.on(h.of(`wasi:sockets/types#${name}`), 'create', family)),
    ],
  ),
  ...functions('wasi:sockets/ip-name-lookup@0.3', {
    resolveAddresses: () => ['localhost', 'not.granted', '', 'bad name', '127.0.0.1'].map((name) => [name]),
  }),
];
