// A guest that is written as authors write for Node: with its globals, and asynchronous.
import { ask, defineActor, sleep } from 'vivarium/guest';

console.log('made %s', 'once', { list: [1, new Map([['key', new Set([1n])]])] });

const late: string[] = [];
const ready = (async () => {
  await null;
  return 'ready at the start';
})();

async function* numbers(): AsyncGenerator<number> {
  for (const each of [1, 2, 3]) {
    await sleep(1);
    yield each;
  }
}

/** What a loop that ends early, and who returns or throws into a generator, leave to its `finally`. */
async function cleanedUp(): Promise<string[]> {
  const seen: string[] = [];
  async function* closing(): AsyncGenerator<number> {
    try {
      yield 1;
      yield 2;
    } finally {
      seen.push('closing');
      await sleep(1);
      seen.push('closed');
    }
  }
  async function* around(): AsyncGenerator<number> {
    try {
      yield* closing();
    } finally {
      await null;
      seen.push('around');
    }
  }
  for await (const _ of closing()) break;
  for await (const _ of around()) break;
  const given = around();
  await given.next();
  seen.push(JSON.stringify(await given.return('given')));
  const thrown = around();
  await thrown.next();
  await thrown.throw(new Error('thrown')).catch((error) => seen.push(String(error)));
  return seen;
}

async function failLate(): Promise<never> {
  await sleep(1);
  throw new RangeError('too far');
}

/** Answers what each part of the language gives, for the test to compare with Node. */
async function language(): Promise<Record<string, unknown>> {
  const url = new URL('https://user@example.org:8080/a/../b?q=1&q=2#part');
  url.searchParams.append('new', 'ä b');
  const collected: number[] = [];
  for await (const each of numbers()) collected.push(each);
  const controller = new AbortController();
  const aborted = new Promise((resolve) => controller.signal.addEventListener('abort', () => resolve('told')));
  controller.abort(new Error('enough'));
  const request = new Request('https://example.org/x', { method: 'post', body: new URLSearchParams({ a: '1' }) });
  const response = Response.json({ b: [2] }, { status: 201 });
  const copy = structuredClone({ date: new Date(5), map: new Map([[1, { deep: true }]]), bytes: Uint8Array.of(1, 2) });
  return {
    url: url.href,
    search: [...new URLSearchParams('a=1&b=%20')],
    utf8: [...new TextEncoder().encode('aä€😀')],
    text: new TextDecoder().decode(Uint8Array.of(0xf0, 0x9f, 0x98, 0x80, 0xff, 0x61)),
    collected,
    cleanedUp: await cleanedUp(),
    names: [URL, Headers, Request, AbortController, fetch, setTimeout].map(({ name }) => name),
    order: await order(),
    settled: await Promise.allSettled([1, Promise.reject('no'), sleep(2)]),
    any: await Promise.any([Promise.reject(1), sleep(1).then(() => 'any')]),
    race: await Promise.race([sleep(500), sleep(1).then(() => 'fast')]),
    fromAsync: await Array.fromAsync(numbers(), (value) => value * 2),
    aborted: [await aborted, String(controller.signal.reason), AbortSignal.abort().reason.name],
    timeout: await new Promise((resolve) => {
      AbortSignal.timeout(1).addEventListener('abort', function (this: AbortSignal) {
        resolve(this.reason.name);
      });
    }),
    request: [request.method, request.headers.get('Content-Type'), await request.text()],
    response: [response.status, response.ok, [...response.headers], await response.clone().json()],
    copy: [copy.date.getTime(), copy.map.get(1), [...copy.bytes]],
    base64: [btoa('abc'), atob('YWJj')],
  };
}

async function order(): Promise<string[]> {
  const seen: string[] = [];
  setTimeout(() => seen.push('timer 2'), 2_000);
  setTimeout((text: string) => seen.push(text), 1, 'timer 1');
  const cleared = setTimeout(() => seen.push('cleared'), 1);
  clearTimeout(cleared);
  queueMicrotask(() => seen.push('microtask'));
  Promise.resolve().then(() => seen.push('job'));
  seen.push('now');
  await new Promise<void>((resolve) => {
    let rounds = 0;
    const id = setInterval(() => {
      rounds += 1;
      seen.push(`round ${rounds}`);
      if (rounds < 3) return;
      clearInterval(id);
      resolve();
    }, 1_000);
  });
  return seen;
}

export const lifecycle = defineActor({
  name: 'modern',
  version: '1.0.0',
  async onStart({ env }) {
    await sleep(1);
    late.push(await ready, env.NAME ?? '');
  },
  operations: {
    language,
    started: () => late,
    double: async (value: number) => {
      await sleep(1);
      return 2 * value;
    },
    asks: async (to: string) => [await ask(to, { double: 21 }), await ask(to, 'plain')],
    asksNobody: async () => {
      try {
        return await ask('t/nobody/1', 'x');
      } catch (error) {
        return String(error);
      }
    },
    fetches: async ({ url, body, timeoutMs }: { url: string; body?: string; timeoutMs?: number }) => {
      const signal = timeoutMs === undefined ? null : AbortSignal.timeout(timeoutMs);
      const init = body === undefined ? { signal } : { method: 'POST', body, signal };
      const answers = await Promise.all([fetch(url, init), fetch(new Request(url, init))]);
      const texts = await Promise.all(answers.map((each) => each.text()));
      return [answers[0]?.status, answers[0]?.headers.get('x-kind'), ...texts];
    },
    never: () => new Promise(() => {}),
    forgotten: () => void setTimeout(() => console.log('too late'), 1_000),
    rejects: failLate,
    unhandled: () => {
      void failLate();
      return sleep(5);
    },
    random: () => [crypto.randomUUID(), crypto.getRandomValues(new Uint16Array(4)).length],
    elapsed: async () => {
      const before = performance.now();
      await sleep(20);
      return performance.now() - before;
    },
    missing: (name: string) => {
      try {
        if (name === 'process') return process.cwd();
        return name === 'subtle' ? crypto.subtle : new WebSocket('wss://example.org');
      } catch (error) {
        return String(error);
      }
    },
    guarded: () => typeof Buffer,
  },
  async onMessage(message) {
    const value = await message.value();
    return { got: value };
  },
});
