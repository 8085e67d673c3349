// Connections that are granted, refused and dropped while they are made, and look-ups of names.
import { functions, methods, none, type Scenario } from './scenario.ts';

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
];
