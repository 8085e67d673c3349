// Configurations that change which component passes requests on to which: no state in between, and no failure, leaves a circle.
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import type { ComponentHandle } from '#core';
import { Deployment, HttpServer, type ServeConfig } from '#server';
import { createRuntime } from '#system';
import { TestClock } from '../../src/testing/clock.ts';
import { helloHandler } from '../../tools/components/hello-handler.ts';

const MIDDLEWARE = 'test/toolchains/components/rust-middleware.wasm';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-chains-'));
  await writeFile(join(folder, 's.wasm'), await helloHandler('served'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A configuration in which each component passes on to the one that is named for it; `s` answers. */
const chain = (nexts: Readonly<Record<string, string | undefined>>): ServeConfig => ({
  server: {},
  components: Object.entries(nexts).map(([name, next]) => ({
    name,
    source: join(folder, `${name}.wasm`),
    ...(next === undefined ? {} : { next }),
    options: { id: `local/${name}/1` },
    secrets: [],
  })),
  routes: Object.keys(nexts).map((name) => ({ component: name, hosts: [], paths: [`/${name}`], methods: [] })),
});

async function scene(options: ConstructorParameters<typeof Deployment>[1] = {}) {
  await Promise.all(['a', 'b'].map((name) => copyFile(MIDDLEWARE, join(folder, `${name}.wasm`))));
  const runtime = await createRuntime();
  onTestFinished(() => runtime.close());
  const deployment = new Deployment(runtime, options);
  const failed: unknown[] = [];
  const server = new HttpServer((head) => deployment.find(head), { port: 0, onError: (error) => failed.push(error) });
  const { url } = await server.listen();
  onTestFinished(() => server.drain(0));
  const get = async (path: string): Promise<readonly unknown[]> => {
    const response = await fetch(url + path);
    return [response.status, response.headers.get('x-middleware')];
  };
  return { runtime, deployment, get, failed };
}

it('a chain is turned round, whatever the order of the file, and no request meets a circle meanwhile', async () => {
  const { runtime, deployment, get } = await scene();
  await deployment.apply(chain({ a: 'b', b: 's', s: undefined }));
  const replaced: string[] = [];
  const replace = runtime.replace.bind(runtime);
  runtime.replace = async (handle, ...rest) => {
    replaced.push(handle.id.name);
    await replace(handle, ...rest);
    // Between two replacements both answer.
    expect([(await get('/a'))[0], (await get('/b'))[0]]).toEqual([200, 200]);
  };
  const turned = { b: 'a', a: 's', s: undefined };
  expect(await deployment.apply(chain(turned))).toEqual([
    { component: 'b', change: 'replaced' },
    { component: 'a', change: 'replaced' },
    { component: 's', change: 'kept' },
  ]);
  expect(replaced).toEqual(['a', 'b']);
  expect([await get('/a'), await get('/b')]).toEqual([
    [200, 'passed'],
    [200, 'passed, passed'],
  ]);
});

it('a component is not replaced by one that would pass requests on in a circle, because another one kept its next', async () => {
  const { deployment, get } = await scene();
  await deployment.apply(chain({ a: 'b', b: 's', s: undefined }));
  await writeFile(join(folder, 'a.wasm'), 'broken');
  const turned = chain({ a: 's', b: 'a', s: undefined });
  const [a, b] = await deployment.apply(turned);
  expect(a).toMatchObject({ component: 'a', change: 'kept', error: { code: 'RUNTIME_INVALID_COMPONENT' } });
  expect(b).toMatchObject({ component: 'b', change: 'kept', error: { code: 'SERVER_INVALID_CONFIG' } });
  expect(String(b?.error)).toContain('components.b.next: the requests that b passes on to a would come back to it');
  expect([await get('/a'), await get('/b')]).toEqual([
    [200, 'passed, passed'],
    [200, 'passed'],
  ]);
  // Once the first is mended, the same configuration takes effect.
  await copyFile(MIDDLEWARE, join(folder, 'a.wasm'));
  expect((await deployment.apply(turned)).map(({ change }) => change)).toEqual(['replaced', 'replaced', 'kept']);
  expect(await get('/b')).toEqual([200, 'passed, passed']);
});

it('a component that answers no HTTP requests is no next of another', async () => {
  const { runtime, deployment } = await scene();
  await copyFile('test/toolchains/components/c-actor.wasm', join(folder, 'n.wasm'));
  const { routes, ...config } = chain({ a: 'n', n: undefined });
  const applied = deployment.apply({ ...config, routes: routes.filter(({ component }) => component === 'a') });
  await expect(applied).rejects.toMatchObject({ code: 'SERVER_INVALID_ROUTE' });
  await expect(applied).rejects.toThrow('n.wasm answers no HTTP requests');
  expect(runtime.components()).toEqual([]);
});

it('a component that kept its version keeps its next, which the configuration no longer names, until it can be replaced', async () => {
  const { deployment, get } = await scene();
  await deployment.apply(chain({ a: 'b', b: 's', s: undefined }));
  await writeFile(join(folder, 'a.wasm'), 'broken');
  await copyFile(join(folder, 's.wasm'), join(folder, 'n.wasm'));
  const shorter = chain({ a: 'n', n: undefined });
  const [, , b, s] = await deployment.apply(shorter);
  expect([b, s]).toMatchObject([
    { component: 'b', change: 'kept', error: { code: 'SERVER_INVALID_CONFIG' } },
    { component: 's', change: 'kept', error: { code: 'SERVER_INVALID_CONFIG' } },
  ]);
  expect(String(b?.error)).toContain('components.b: it is not named any more, but a, which kept its old version');
  expect(await get('/a')).toEqual([200, 'passed, passed']);
  // Once the first is mended, what it needed goes.
  await copyFile(MIDDLEWARE, join(folder, 'a.wasm'));
  expect(await deployment.apply(shorter)).toEqual([
    { component: 'a', change: 'replaced' },
    { component: 'n', change: 'kept' },
    { component: 'b', change: 'unloaded' },
    { component: 's', change: 'unloaded' },
  ]);
  expect(await get('/a')).toEqual([200, 'passed']);
});

it('requests that wait at a middleware are answered by its chain, when a configuration removes both', async () => {
  const { runtime, deployment, get } = await scene();
  const { components, ...config } = chain({ s: undefined, a: 's' });
  const bounded = components.map((each) => ({ ...each, options: { ...each.options, requests: { maxConcurrent: 1 } } }));
  await deployment.apply({ ...config, components: bounded });
  const passed = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const passOn = runtime.fetch.bind(runtime);
  runtime.fetch = async (...request) => {
    passed.resolve();
    await held.promise;
    return passOn(...request);
  };
  const asked = [get('/a'), get('/a'), get('/a')];
  await passed.promise;
  await expect.poll(() => runtime.components().find(({ id }) => id === 'local/a/1')?.requests).toBe(3);
  const unloading = Promise.withResolvers<void>();
  const unload = runtime.unload.bind(runtime);
  runtime.unload = (...component) => {
    unloading.resolve();
    return unload(...component);
  };
  await copyFile(join(folder, 's.wasm'), join(folder, 'n.wasm'));
  const applied = deployment.apply(chain({ n: undefined }));
  await unloading.promise;
  held.resolve();
  expect((await Promise.all(asked)).map(([status]) => status)).toEqual([200, 200, 200]);
  expect(await applied).toEqual([
    { component: 'n', change: 'loaded' },
    { component: 'a', change: 'unloaded' },
    { component: 's', change: 'unloaded' },
  ]);
  expect(runtime.components().map(({ id }) => id)).toEqual(['local/n/1']);
});

it('a component that somebody else has unloaded is forgotten when the configuration no longer names it', async () => {
  const { runtime, deployment } = await scene();
  await deployment.apply(chain({ a: 's', s: undefined }));
  await runtime.unload(deployment.handles.get('a') as ComponentHandle);
  expect(await deployment.apply(chain({ s: undefined }))).toEqual([
    { component: 's', change: 'kept' },
    { component: 'a', change: 'unloaded' },
  ]);
  expect([...deployment.handles.keys()]).toEqual(['s']);
});

it('requests that a full component refuses to a middleware are counted, and those to one that has failed are told', async () => {
  const clock = new TestClock();
  const refused: object[] = [];
  const errors: [string, unknown][] = [];
  const { runtime, deployment, get, failed } = await scene({
    clock,
    onRefused: (each) => refused.push(each),
    onError: (error, component) => errors.push([component, error]),
  });
  const { components, ...config } = chain({ a: 'b', b: 's', s: undefined });
  const requests = { maxConcurrent: 1, maxQueued: 0 };
  const bounded = components.map((each) =>
    each.name === 'b' ? { ...each, options: { ...each.options, requests } } : each,
  );
  await deployment.apply({ ...config, components: bounded });
  const held = Promise.withResolvers<void>();
  const passOn = runtime.fetch.bind(runtime);
  runtime.fetch = async (handle, request) => {
    if (handle.id.name === 's') await held.promise;
    return passOn(handle, request);
  };
  const first = get('/a');
  await expect.poll(() => runtime.components().find(({ id }) => id === 'local/b/1')?.requests).toBe(1);
  expect(await Promise.all([get('/a'), get('/a'), get('/a')])).toEqual(Array(3).fill([503, 'passed']));
  expect(refused).toEqual([]);
  clock.advance(1_000);
  expect(refused).toEqual([{ component: 'local/b/1', requests: 3 }]);
  expect(await get('/a')).toEqual([503, 'passed']);
  deployment.tellRefused();
  expect(refused[1]).toEqual({ component: 'local/b/1', requests: 1 });
  held.resolve();
  expect(await first).toEqual([200, 'passed, passed']);
  expect(errors).toEqual([]);
  await runtime.unload(deployment.handles.get('b') as ComponentHandle);
  expect(await get('/a')).toEqual([503, 'passed']);
  expect(errors).toMatchObject([['local/b/1', { code: 'RUNTIME_NOT_FOUND' }]]);
  expect(failed).toEqual([]);
});
