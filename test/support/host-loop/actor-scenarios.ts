// What actors are given: messages, services and storage.
import { BYTES } from './host-calls.ts';
import { functions, LONG, none, type Scenario } from './scenario.ts';

const SELF = { namespace: 't', name: 'loop', instance: '1' };
const NEIGHBOUR = { namespace: 't', name: 'neighbour', instance: '1' };
const NOBODY = { namespace: 't', name: 'nobody', instance: '1' };
const WRONG = { namespace: 'T T', name: '', instance: '../x' };
const MESSAGING = 'vivarium:actor/host-messaging';
const SERVICES = 'vivarium:actor/host-services';
const STORAGE = 'vivarium:actor/storage';

export const ACTOR: readonly Scenario[] = [
  ...functions(MESSAGING, {
    selfId: none,
    send: () => [SELF, NEIGHBOUR, NOBODY, WRONG].map((to) => [to, BYTES]),
    request: () => [SELF, NEIGHBOUR, NOBODY, WRONG].map((to) => [to, BYTES, 1]),
    ask: () => [[NEIGHBOUR, BYTES, 1]],
    cancelRequest: () => [['none'], [LONG]],
    broadcast: () => [
      [[NEIGHBOUR, NOBODY, WRONG], BYTES],
      [[], BYTES],
    ],
    publish: () => [
      ['topic', BYTES],
      ['nobody/listens', BYTES],
      ['Bad Topic', BYTES],
    ],
    subscribe: () => [['topic'], ['Bad Topic'], [LONG]],
    unsubscribe: () => [['topic'], ['never']],
  }),
  ...functions(SERVICES, {
    log: () => [
      ['info', 'text', [['key', 'value']]],
      ['error', LONG, []],
    ],
    currentTime: none,
    currentTimeMillis: none,
    sleepMillis: () => [[0], [2 ** 32 - 1]],
    listComponents: none,
    getComponentMetadata: () => [NEIGHBOUR, NOBODY, WRONG].map((id) => [id]),
  }),
  ...functions(STORAGE, {
    get: () => [['key'], ['none'], [''], [LONG]],
    set: () => [
      ['key', BYTES],
      ['', BYTES],
      [LONG, BYTES],
      ['large', Buffer.alloc(70_000)],
    ],
    delete: () => [['key'], ['none'], ['']],
    exists: () => [['key'], ['none'], ['']],
    listKeys: () => [[''], ['k'], [LONG]],
    usage: none,
  }),
];
