// Requests, their headers and bodies, and what is refused of them.
import { BYTES, type HostCalls } from './host-calls.ts';
import { each, functions, type Lists, LONG, methods, none, type Scenario } from './scenario.ts';

const DURATIONS: Lists = [[undefined], [0n], [1n], [2n ** 63n]];

export const HTTP: readonly Scenario[] = [
  ...methods('wasi:http/types#Fields', [(h) => h.fields(), (h) => h.on(h.request(), 'headers')], {
    get: () => [['x-own'], ['none'], ['bad name']],
    has: () => [['x-own'], ['none']],
    set: () => [
      ['x-own', [BYTES, BYTES]],
      ['bad name', [BYTES]],
      ['host', [BYTES]],
      ['x', [Buffer.from('\n')]],
    ],
    delete: () => [['x-own'], ['none'], ['bad name']],
    append: () => [
      ['x-own', BYTES],
      ['bad name', BYTES],
      ['host', BYTES],
      ['x', Buffer.from('\n')],
    ],
    entries: none,
    clone: none,
  }),
  [
    'wasi:http/types#Fields[static]fromList',
    [
      (h: HostCalls) =>
        each(
          h,
          [
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
                ['host', BYTES],
              ],
            ],
            [
              [
                ['x', BYTES],
                ['y', Buffer.from('\0')],
              ],
            ],
          ],
          (args) => h.on(h.of('wasi:http/types#Fields'), 'fromList', ...args),
        ),
    ],
  ],
  ...methods('wasi:http/types#OutgoingRequest', [(h) => h.request()], {
    body: none,
    method: none,
    setMethod: () => [[{ tag: 'get' }], [{ tag: 'other', val: 'OWN' }], [{ tag: 'other', val: 'bad method' }]],
    pathWithQuery: none,
    setPathWithQuery: () => [[undefined], ['/x?y'], ['no path'], [`/${LONG.repeat(3)}`]],
    scheme: none,
    setScheme: () => [[undefined], [{ tag: 'HTTPS' }], [{ tag: 'other', val: 'ftp' }]],
    authority: none,
    setAuthority: () => [[undefined], ['example.com'], ['a@b']],
    headers: none,
  }),
  ...methods('wasi:http/types#IncomingRequest', [(h) => h.incoming()], {
    method: none,
    pathWithQuery: none,
    scheme: none,
    authority: none,
    headers: none,
    consume: none,
  }),
  ...methods('wasi:http/types#OutgoingResponse', [(h) => h.answer()], {
    statusCode: none,
    setStatusCode: () => [[200], [999]],
    headers: none,
    body: none,
  }),
  [
    'wasi:http/types#ResponseOutparam[static]set',
    [
      (h: HostCalls) =>
        each(
          h,
          [
            [h.incoming('ResponseOutparam'), { tag: 'ok', val: h.answer() }],
            [h.incoming('ResponseOutparam'), { tag: 'err', val: { tag: 'internal-error' } }],
          ],
          (args) => h.on(h.of('wasi:http/types#ResponseOutparam'), 'set', ...args),
        ),
    ],
  ],
  ...methods('wasi:http/types#OutgoingBody', [(h) => h.body()], { write: none }),
  [
    'wasi:http/types#OutgoingBody[static]finish',
    [
      (h: HostCalls) =>
        each(
          h,
          [
            [h.body(), undefined],
            [h.body(), h.fields()],
            [h.body(), h.make('wasi:http/types#Fields')],
          ],
          (args) => h.on(h.of('wasi:http/types#OutgoingBody'), 'finish', ...args),
        ),
    ],
  ],
  ...methods('wasi:http/types#RequestOptions', [(h) => h.make('wasi:http/types#RequestOptions')], {
    connectTimeout: none,
    setConnectTimeout: () => DURATIONS,
    firstByteTimeout: none,
    setFirstByteTimeout: () => DURATIONS,
    betweenBytesTimeout: none,
    setBetweenBytesTimeout: () => DURATIONS,
  }),
  ...functions('wasi:http/types', { httpErrorCode: (h) => [[h.error()]] }),
  ...functions('wasi:http/outgoing-handler', {
    handle: (h) => [
      [h.request(), undefined],
      [h.request(1), undefined],
      [h.make('wasi:http/types#OutgoingRequest', h.fields()), h.make('wasi:http/types#RequestOptions')],
    ],
  }),
  ...methods(
    'wasi:http/types#FutureIncomingResponse',
    [(h) => h.call('wasi:http/outgoing-handler#handle', h.request(), undefined)],
    {
      subscribe: none,
      get: none,
    },
  ),
];
