// Middleware whose `next` leads back to it: the number of components that pass one request on is bounded, however it goes round.
import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ComponentHandle, createRuntime, type LoadOptions, type Runtime, toResponse } from 'vivarium';

const SERVICE = readFileSync('test/toolchains/components/rust-service.wasm');
const MIDDLEWARE = readFileSync('test/toolchains/components/rust-middleware.wasm');

async function runtimeOf(): Promise<Runtime> {
  const runtime = await createRuntime({ limits: { maxExecutionTimeMs: 20_000 } });
  onTestFinished(() => runtime.close());
  return runtime;
}

const asked = (): Request => new Request('http://test.example/hello');

/** Ways in which an embedder may pass a request on to a component. */
const WAYS: Readonly<Record<string, (runtime: Runtime, to: ComponentHandle, request: Request) => Promise<Response>>> = {
  'as it is': (runtime, to, request) => runtime.fetch(to, request),
  'as a copy': (runtime, to, request) => runtime.fetch(to, new Request(request, { headers: { 'x-copy': 'yes' } })),
  'after having waited': async (runtime, to, request) => {
    await new Promise((resolve) => void setImmediate(resolve));
    return runtime.fetch(to, new Request(request.url));
  },
};

const STORES: Readonly<Record<string, LoadOptions>> = {
  'an instance for each': {},
  'one instance side by side': { store: 'per-actor', concurrency: 32 },
};

/** Loads a circle of three middleware, because one instance may have eight requests under way. @param each called whenever one passes a request on */
async function circle(runtime: Runtime, way: keyof typeof WAYS, options: LoadOptions, each: () => void) {
  const handles: ComponentHandle[] = [];
  const pass = WAYS[way] as (typeof WAYS)[string];
  for (const other of [1, 2, 0]) {
    const next = (request: Request): Promise<Response> => {
      each();
      return pass(runtime, handles[other] as ComponentHandle, request);
    };
    handles.push(await runtime.load(MIDDLEWARE, { ...options, next }));
  }
  return handles[0] as ComponentHandle;
}

describe('a request that middleware passes on in a circle', () => {
  const table = Object.keys(WAYS).map((way) => [way, 'an instance for each'] as const);
  it.each([...table, ['as it is', 'one instance side by side'] as const])(
    '%s, in %s, ends with 508',
    async (way, stores) => {
      const runtime = await runtimeOf();
      let passed = 0;
      const first = await circle(runtime, way, STORES[stores] as LoadOptions, () => {
        passed += 1;
        // Without the bound, the circle would have no end.
        if (passed > 40) throw new Error('the circle goes on');
      });
      const error: unknown = await runtime.fetch(first, asked()).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'RUNTIME_LOOP_DETECTED', kind: 'failed' });
      expect(passed).toBe(17);
      const response = toResponse(error);
      expect([response.status, await response.json()]).toEqual([
        508,
        { type: 'about:blank', title: 'Loop Detected', status: 508, code: 'RUNTIME_LOOP_DETECTED' },
      ]);
    },
  );
});

describe('a request that comes back to its middleware a few times', () => {
  it.each(Object.entries(STORES))(
    'is answered, however many others do so at the same time, in %s',
    async (_, options) => {
      const runtime = await runtimeOf();
      const service = await runtime.load(SERVICE);
      const handles: ComponentHandle[] = [];
      const next = (request: Request): Promise<Response> => {
        const left = Number(request.headers.get('x-left') ?? 2);
        const headers = { 'x-left': String(left - 1) };
        const [again] = handles;
        return runtime.fetch(left === 0 || again === undefined ? service : again, new Request(request, { headers }));
      };
      handles.push(await runtime.load(MIDDLEWARE, { ...options, next }));
      const [middleware] = handles as [ComponentHandle];
      const askOften = async (): Promise<void> => {
        for (let round = 0; round < 20; round += 1) {
          expect(await (await runtime.fetch(middleware, asked())).text()).toBe('hello');
        }
      };
      await Promise.all([askOften(), askOften()]);
    },
  );
});
