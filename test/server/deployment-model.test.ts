// Sequences of configurations, some of which fail in part: whatever answers requests has all of its chain, also while one is applied.
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { type ComponentHandle, formatComponentId, parseComponentId } from '#core';
import { RuntimeError } from '#runtime';
import { Deployment, type ServeConfig } from '#server';
import type { LoadOptions, Runtime } from '#system';

const NAMES = ['a', 'b', 'c', 'd'] as const;
type Name = (typeof NAMES)[number];

/** What a configuration says of a component, and what becomes of it. */
interface Said {
  readonly name: Name;
  readonly next: Name | undefined;
  readonly fails: boolean;
  readonly movesId: boolean;
}

/** The part of a runtime that a deployment uses. Its components answer, or pass requests on, and a request that comes too late fails. */
class ModelRuntime {
  readonly #running = new Map<ComponentHandle, LoadOptions>();
  #loads = 0;
  readonly #served = new Set<ComponentHandle>();
  fails: ReadonlySet<string> = new Set();
  /** Why requests were not answered. */
  readonly lost: unknown[] = [];

  async load(source: string, options: LoadOptions): Promise<ComponentHandle> {
    if (this.fails.has(source)) throw new RuntimeError('RUNTIME_INVALID_COMPONENT', source);
    const name = source.slice('registry:'.length);
    const id = { namespace: 'local', name, instance: options.id?.at(-1) ?? '1' };
    if (this.#find(id) !== undefined) throw new RuntimeError('RUNTIME_WRONG_STATE', `${name} is loaded already`);
    this.#loads += 1;
    const handle = { id, handleId: BigInt(this.#loads) } as ComponentHandle;
    this.#running.set(handle, options);
    return handle;
  }

  state(handle: ComponentHandle): string {
    return this.#running.has(handle) ? 'ready' : 'stopped';
  }

  find(id: string): ComponentHandle | undefined {
    return this.#find(parseComponentId(id));
  }

  #find(id: ComponentHandle['id']): ComponentHandle | undefined {
    return [...this.#running.keys()].find((handle) => formatComponentId(handle.id) === formatComponentId(id));
  }

  async replace(handle: ComponentHandle, source: string, options: LoadOptions): Promise<void> {
    if (this.fails.has(source)) throw new RuntimeError('RUNTIME_INVALID_COMPONENT', source);
    // Requests that the old version has begun end before the replacement does.
    await this.#allAnswer();
    this.#running.set(handle, options);
    await this.#allAnswer();
  }

  async unload(handle: ComponentHandle, { drain = false } = {}): Promise<void> {
    // What has waited is still answered.
    if (drain) await this.#allAnswer();
    this.#running.delete(handle);
    this.#served.delete(handle);
    if (drain) await this.#allAnswer();
  }

  exports(): readonly { readonly name: string }[] {
    return [{ name: 'wasi:http/handler@0.3.0' }];
  }

  async fetch(handle: ComponentHandle, request: Request): Promise<Response> {
    const options = this.#running.get(handle);
    if (options === undefined) throw new RuntimeError('RUNTIME_NOT_FOUND', String(handle.id.name));
    const hops = Number(request.headers.get('hops') ?? 0);
    if (hops > NAMES.length) throw new RuntimeError('RUNTIME_LOOP_DETECTED', String(handle.id.name));
    if (options.next === undefined) return new Response(handle.id.name);
    return options.next(new Request(request, { headers: { hops: String(hops + 1) } }));
  }

  /** Has these get requests from now on, until they are unloaded. */
  async serve(handles: Iterable<ComponentHandle>): Promise<void> {
    for (const handle of handles) this.#served.add(handle);
    await this.#allAnswer();
  }

  async #allAnswer(): Promise<void> {
    for (const handle of this.#served) {
      await this.fetch(handle, new Request('http://h/')).catch((error: unknown) => this.lost.push(error));
    }
  }
}

const oneIn = (number: number): fc.Arbitrary<boolean> => fc.integer({ min: 1, max: number }).map((at) => at === number);

const SAID = fc.record({
  next: fc.option(fc.constantFrom(...NAMES), { nil: undefined, freq: 8 }),
  fails: oneIn(4),
  movesId: oneIn(8),
});

/** Components in any order of the file, whose chains end, as the reader of the file ensures. */
const CONFIG = fc
  .tuple(fc.shuffledSubarray([...NAMES], { minLength: 2 }), fc.shuffledSubarray([...NAMES], { minLength: 4 }))
  .chain(([names, rank]) =>
    fc.tuple(
      ...names.map((name) =>
        SAID.map((said): Said => {
          const isLater =
            said.next !== undefined && names.includes(said.next) && rank.indexOf(said.next) > rank.indexOf(name);
          return { ...said, name, next: isLater ? said.next : undefined };
        }),
      ),
    ),
  );

it('a component that answers has a chain that is loaded and ends, after any configurations and while they are applied', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(CONFIG, { minLength: 2, maxLength: 8 }), async (configs) => {
      const runtime = new ModelRuntime();
      const deployment = new Deployment(runtime as unknown as Runtime);
      for (const said of configs) {
        runtime.fails = new Set(said.filter(({ fails }) => fails).map(({ name }) => `registry:${name}`));
        const applied = await deployment.apply(configOf(said)).catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'RUNTIME_INVALID_COMPONENT' });
        });
        const { handles } = deployment;
        const routed = applied === undefined ? [] : said.map(({ name }) => handles.get(name) as ComponentHandle);
        expect(routed).not.toContain(undefined);
        await runtime.serve(routed);
        expect(runtime.lost).toEqual([]);
      }
    }),
    { numRuns: 500 },
  );
});

function configOf(said: readonly Said[]): ServeConfig {
  return {
    server: {},
    components: said.map(({ name, next, movesId }) => ({
      name,
      source: `registry:${name}`,
      ...(next === undefined ? {} : { next }),
      options: { id: `local/${name}/${movesId ? 2 : 1}` },
      secrets: [],
    })),
    routes: said.map(({ name }) => ({ component: name, hosts: [], paths: [`/${name}`], methods: [] })),
  };
}
