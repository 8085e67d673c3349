import { readFileSync } from 'node:fs';
import type { ComponentHandle, Runtime } from '../../src/index.ts';

/** A guest with asynchronous parts that is no command: what it is asked, and what it must answer. */
export interface Guest {
  readonly name: string;
  /** Whether the component lies in `components`. */
  readonly isCommitted: boolean;
  talk(runtime: Runtime, component: string): Promise<readonly unknown[]>;
  readonly answers: readonly unknown[];
}

const PARTNER = 'guests/partner/1';
const COMPONENTS = new URL('../../test/toolchains/components/', import.meta.url);
/** Python's runtime takes this much. */
const limits = { maxMemoryBytes: 2 ** 28, maxExecutionTimeMs: 60_000, maxStartTimeMs: 60_000, maxTurnTimeMs: 120_000 };

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();

async function talkToActor(runtime: Runtime, component: string, messages: readonly string[]): Promise<string[]> {
  const options = { grants: ['messaging:*:**'], limits };
  const partner = await runtime.load(readFileSync(new URL('rust-actor.wasm', COMPONENTS)), { ...options, id: PARTNER });
  const actor = await runtime.load(component, options);
  const answers: string[] = [];
  for (const message of messages) {
    answers.push(text(await runtime.request(actor, Buffer.from(message), { timeoutMs: 120_000 })));
  }
  for (const handle of [actor, partner]) await runtime.unload(handle);
  return answers;
}

const actor = (name: string, isCommitted: boolean, asked: Readonly<Record<string, string>>): Guest => ({
  name,
  isCommitted,
  talk: (runtime, component) => talkToActor(runtime, component, Object.keys(asked)),
  answers: Object.values(asked),
});

async function fetched(runtime: Runtime, handle: ComponentHandle, path: string, body?: string): Promise<string> {
  const init = body === undefined ? {} : { method: 'POST', body };
  const response = await runtime.fetch(handle, new Request(`http://guests.example${path}`, init));
  return `${response.status} ${response.headers.get('x-middleware')} ${await response.text()}`;
}

/** More than one read and one write of a body. */
const LONG = 'x'.repeat(100_000);

const service = (name: string, isCommitted: boolean): Guest => ({
  name,
  isCommitted,
  async talk(runtime, component) {
    const handle = await runtime.load(component, { limits });
    const answers = [
      await fetched(runtime, handle, '/hello'),
      await fetched(runtime, handle, '/upper', 'abc'),
      await fetched(runtime, handle, '/upper', LONG),
    ];
    await runtime.unload(handle);
    return answers;
  },
  answers: ['200 null hello', '200 null ABC', `200 null ${LONG.toUpperCase()}`],
});

const SIMPLE = { 'echo hi there': 'hi there', 'sleep 5 later': 'later' };
const ASKING = { ...SIMPLE, [`ask sleep+5+z ${PARTNER} ${PARTNER}`]: 'z,z' };

export const GUESTS: readonly Guest[] = [
  actor('rust-actor', true, ASKING),
  actor('c-actor', true, SIMPLE),
  actor('python-actor', false, ASKING),
  actor('quickjs-actor', false, { 'echo hi there': 'hi there', other: '2', 'echo again': 'again' }),
  service('rust-service', true),
  service('c-service', true),
  service('python-service', false),
  service('quickjs-service', false),
  {
    name: 'rust-middleware',
    isCommitted: true,
    async talk(runtime, component) {
      const service = await runtime.load(readFileSync(new URL('rust-service.wasm', COMPONENTS)), { limits });
      const next = (request: Request): Promise<Response> => runtime.fetch(service, request);
      const middleware = await runtime.load(component, { limits, next });
      return [await fetched(runtime, middleware, '/teapot'), await fetched(runtime, middleware, '/upper', 'abc')];
    },
    answers: ['418 passed short and stout', '200 passed ABC'],
  },
  {
    name: 'quickjs-waits',
    isCommitted: false,
    async talk(runtime, component) {
      const imports = { 'test:waits/clock': { tick: (n: number) => n + 1 } };
      const library = await runtime.load(component, { imports, limits });
      const failed = await runtime.call(library, 'later', 100).catch((error) => error.payload);
      return [await runtime.call(library, 'later', 1), await runtime.call(library, 'sum', [1, 2, 3]), failed];
    },
    answers: ['at 4', 6, 'too much'],
  },
];
