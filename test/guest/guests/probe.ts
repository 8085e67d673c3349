// A guest that does what the tests of the library and of messaging between real components ask for.
import {
  ActorError,
  broadcast,
  cancelRequest,
  defineActor,
  listComponents,
  MessageError,
  publish,
  request,
  self,
  send,
  storage,
  subscribe,
} from 'vivarium/guest';

const seen: string[] = [];
let heir: string | undefined;

function attempt(run: () => unknown): string {
  try {
    return `ok ${String(run())}`;
  } catch (error) {
    return error instanceof MessageError ? error.tag : `unexpected ${String(error)}`;
  }
}

export const lifecycle = defineActor({
  name: 'probe',
  version: '1.2.3',
  onStart({ env, data, limits }) {
    seen.push(`${env.NAME ?? ''} ${data?.length ?? 0} ${limits.maxMemoryBytes > 0}`);
    heir = env.HEIR;
    subscribe('probe/all');
  },
  operations: {
    seen: () => seen,
    random: () => Math.random(),
    echo: (value: unknown) => value,
    throws: (text: string) => {
      throw new Error(text);
    },
    refuses: (text: string) => {
      throw new ActorError('resource-limit', text);
    },
    hangs: () => {
      for (;;);
    },
    send: ({ to, text }: { to: string; text: string }) => attempt(() => send(to, text)),
    sendLarge: ({ to, bytes }: { to: string; bytes: number }) => attempt(() => send(to, new Uint8Array(bytes))),
    broadcast: (targets: string[]) => attempt(() => broadcast(targets, 'all')),
    publish: (text: string) => attempt(() => publish('probe/all', text)),
    cancel: (id: string) => attempt(() => cancelRequest(id)),
    ask: ({ to, text, timeoutMs }: { to: string; text: string; timeoutMs: number }) =>
      request(
        to,
        text,
        (reply) => {
          seen.push(
            reply.failure === undefined
              ? `answer ${reply.text()} from ${reply.from}`
              : `no answer: ${reply.failure.tag}`,
          );
        },
        { timeoutMs },
      ),
    askThenHang: (to: string) => {
      request(to, 'question', () => seen.push('answer for an instance that is gone'));
      for (;;);
    },
    self: () => `${self().namespace}/${self().name}/${self().instance}`,
    list: () => listComponents(),
    store: (text: string) => storage.set('text', text),
    stored: () => storage.get('text')?.length ?? -1,
  },
  onMessage(message) {
    seen.push(`${message.text()} from ${message.from}`);
    return `got ${message.text()}`;
  },
  onTopic(message) {
    seen.push(`${message.topic}: ${message.text()}`);
  },
  health: () => (seen.includes('be ill from vivarium/host/0') ? 'unhealthy' : 'healthy'),
  onStop() {
    const toSelf = attempt(() => send(self(), 'from shutdown'));
    if (heir !== undefined) send(heir, `goodbye (${toSelf})`);
  },
});
