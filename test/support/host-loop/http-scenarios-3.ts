// Requests, responses, their fields and bodies in WASI 0.3.
import { BYTES, type HostCalls } from './host-calls.ts';
import { each, functions, type Lists, LONG, type Maker, methods, none, type Scenario } from './scenario.ts';

const TYPES = 'wasi:http/types@0.3';
const OK = Promise.resolve({ tag: 'ok', val: undefined });
const DURATIONS: Lists = [[undefined], [0n], [2n ** 63n]];

const fields = (h: HostCalls, ...pairs: readonly (readonly [string, Uint8Array])[]): object =>
  h.on(h.of(`${TYPES}#Fields`), 'fromList', [['x-own', BYTES], ...pairs]);
const options = (h: HostCalls): object => h.make(`${TYPES}#RequestOptions`);
const composed = (h: HostCalls, type: string, ...rest: readonly unknown[]): object =>
  (h.on(h.of(`${TYPES}#${type}`), 'new', fields(h), h.stream(), OK, ...rest) as object[])[0] as object;
const request = (h: HostCalls): object => composed(h, 'Request', options(h));
const response = (h: HostCalls): object => composed(h, 'Response');
/** A request that leads to where the component may not connect. */
const denied = (h: HostCalls): object => {
  const made = request(h);
  h.on(made, 'setAuthority', 'denied.example');
  return made;
};

const statics = (type: string, name: string, make: Maker<Lists>): Scenario => [
  `${TYPES}#${type}[static]${name}`,
  [(h) => each(h, make(h), (args) => h.on(h.of(`${TYPES}#${type}`), name, ...args))],
];

export const HTTP_3: readonly Scenario[] = [
  ...methods(`${TYPES}#Fields`, [(h) => fields(h), (h) => h.on(request(h), 'getHeaders')], {
    copyAll: none,
    getAndDelete: () => [['x-own'], ['none'], ['bad name']],
  }),
  statics('Fields', 'fromList', () => [
    [[]],
    [[['x', BYTES]]],
    [
      [
        ['x', BYTES],
        ['bad name', BYTES],
      ],
    ],
    [
      [
        ['x', BYTES],
        ['y', Buffer.alloc(70_000, 'y')],
      ],
    ],
  ]),
  statics('Request', 'new', (h) => [
    [fields(h), undefined, OK, undefined],
    [fields(h), h.stream(), OK, options(h)],
    [fields(h, ['content-length', BYTES]), h.stream(), OK, undefined],
  ]),
  statics('Request', 'consumeBody', (h) => [
    [request(h), OK],
    [composed(h, 'Request', undefined), OK],
  ]),
  ...methods(`${TYPES}#Request`, [request], {
    getMethod: none,
    setMethod: () => [[{ tag: 'get' }], [{ tag: 'other', val: 'OWN' }], [{ tag: 'other', val: 'bad method' }]],
    getPathWithQuery: none,
    setPathWithQuery: () => [[undefined], ['/x?y'], ['no path'], [`/${LONG.repeat(3)}`]],
    getScheme: none,
    setScheme: () => [[undefined], [{ tag: 'HTTPS' }], [{ tag: 'other', val: 'ftp' }]],
    getAuthority: none,
    setAuthority: () => [[undefined], ['example.com'], ['a@b']],
    getOptions: none,
    getHeaders: none,
  }),
  ...methods(`${TYPES}#RequestOptions`, [options, (h) => h.on(request(h), 'getOptions')], {
    getConnectTimeout: none,
    setConnectTimeout: () => DURATIONS,
    getFirstByteTimeout: none,
    setFirstByteTimeout: () => DURATIONS,
    getBetweenBytesTimeout: none,
    setBetweenBytesTimeout: () => DURATIONS,
    clone: none,
  }),
  statics('Response', 'new', (h) => [
    [fields(h), undefined, OK],
    [fields(h), h.stream(), OK],
  ]),
  statics('Response', 'consumeBody', (h) => [[response(h), OK]]),
  ...methods(`${TYPES}#Response`, [response], {
    getStatusCode: none,
    setStatusCode: () => [[200], [599], [100], [600]],
    getHeaders: none,
  }),
  ...functions('wasi:http/client', { send: (h) => [[request(h)], [denied(h)]] }),
  ...functions('wasi:http/handler', { handle: (h) => [[request(h)], [denied(h)]] }),
];
