// Configurations that are applied to a runtime, one after the other, with real components.
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import type { ComponentHandle } from '#core';
import { Deployment, HttpServer, type ServeConfig } from '#server';
import { createRuntime } from '#system';
import { adderComponent } from '../../tools/components/adder-component.ts';
import { echoHandler } from '../../tools/components/echo-handler.ts';
import { helloHandler } from '../../tools/components/hello-handler.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-deployment-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function scene() {
  const runtime = await createRuntime();
  onTestFinished(() => runtime.close());
  const deployment = new Deployment(runtime);
  const write = async (name: string, says: string): Promise<void> =>
    writeFile(join(folder, name), await helloHandler(says));
  const config = (names: readonly string[], options: object = {}): ServeConfig => ({
    server: {},
    components: names.map((name) => ({
      name,
      source: join(folder, `${name}.wasm`),
      options: { id: `local/${name}/1`, ...options },
      secrets: [],
    })),
    routes: names.map((name) => ({ component: name, hosts: [], paths: [`/${name}`], methods: ['GET'] })),
  });
  const server = new HttpServer((head) => deployment.find(head), { port: 0 });
  const { url } = await server.listen();
  onTestFinished(() => server.drain(0));
  const get = async (path: string, method = 'GET'): Promise<string | number> => {
    const response = await fetch(url + path, { method });
    return response.ok ? response.text() : response.status;
  };
  return { runtime, deployment, write, config, get };
}

it('a configuration is applied by loading, replacing and unloading what differs', async () => {
  const { runtime, deployment, write, config, get } = await scene();
  await Promise.all([write('a.wasm', 'a one'), write('b.wasm', 'b one')]);
  await deployment.apply(config(['a', 'b']));
  const [first] = runtime.components();
  expect([await get('/a'), await get('/b'), await get('/c'), await get('/a', 'PUT')]).toEqual([
    'a one',
    'b one',
    404,
    405,
  ]);
  await write('a.wasm', 'a two');
  await write('c.wasm', 'c one');
  expect(await deployment.apply(config(['a', 'c']))).toEqual([
    { component: 'c', change: 'loaded' },
    { component: 'a', change: 'replaced' },
    { component: 'b', change: 'unloaded' },
  ]);
  expect([await get('/a'), await get('/b'), await get('/c')]).toEqual(['a two', 404, 'c one']);
  expect(runtime.components().find(({ id }) => id === 'local/a/1')?.handle).toBe(first?.handle);
  expect(await deployment.apply(config(['a', 'c']))).toEqual([
    { component: 'a', change: 'kept' },
    { component: 'c', change: 'kept' },
  ]);
});

it('a configuration whose new component cannot be loaded changes nothing', async () => {
  const { runtime, deployment, write, config, get } = await scene();
  await Promise.all([write('a.wasm', 'a one'), write('b.wasm', 'b one')]);
  await deployment.apply(config(['a']));
  await writeFile(join(folder, 'broken.wasm'), 'no component');
  await expect(deployment.apply(config(['b', 'broken']))).rejects.toThrow();
  expect([await get('/a'), await get('/b'), runtime.components().length]).toEqual(['a one', 404, 1]);
});

it('a component whose new version fails keeps the old one, and the others go on', async () => {
  const { deployment, write, config, get } = await scene();
  await Promise.all([write('a.wasm', 'a one'), write('b.wasm', 'b one')]);
  await deployment.apply(config(['a', 'b']));
  await writeFile(join(folder, 'a.wasm'), 'no component');
  await write('b.wasm', 'b two');
  const [a, b] = await deployment.apply(config(['a', 'b']));
  expect(a).toMatchObject({ component: 'a', change: 'kept', error: { code: 'RUNTIME_INVALID_COMPONENT' } });
  expect(b).toEqual({ component: 'b', change: 'replaced' });
  expect([await get('/a'), await get('/b')]).toEqual(['a one', 'b two']);
});

it('a change that outlives a version is refused until the server is started again', async () => {
  const { deployment, write, config, get } = await scene();
  await write('a.wasm', 'a one');
  await deployment.apply(config(['a']));
  const [changed] = await deployment.apply(config(['a'], { mailbox: { maxMessages: 5 } }));
  expect(String(changed?.error)).toContain('mailbox has changed');
  expect(await get('/a')).toBe('a one');
});

it('bounds of requests change without another load of the component', async () => {
  const { runtime, deployment, config } = await scene();
  await writeFile(join(folder, 'a.wasm'), await echoHandler());
  await deployment.apply(config(['a'], { requests: { maxConcurrent: 1, maxQueued: 0 } }));
  const attempt = async () => {
    const handle = deployment.handles.get('a');
    if (handle === undefined) throw new Error('a is not deployed');
    // A request has its place until its body has come.
    const bodies = [1, 2].map(() => new TransformStream<Uint8Array, Uint8Array>());
    const asked = bodies.map(({ readable }) => {
      const init = { method: 'POST', body: readable, duplex: 'half' } as const;
      return runtime.fetch(handle, new Request('http://host/a', init));
    });
    for (const { writable } of bodies) writable.close().catch(() => {});
    return (await Promise.allSettled(asked)).map(({ status }) => status);
  };
  expect(await attempt()).toEqual(['fulfilled', 'rejected']);
  await deployment.apply(config(['a'], { requests: { maxConcurrent: 2, maxQueued: 0 } }));
  expect(await attempt()).toEqual(['fulfilled', 'fulfilled']);
});

it('a middleware passes requests on to the component that the configuration names, whatever version of it runs', async () => {
  const { deployment, write, config, get } = await scene();
  await write('shop.wasm', 'one');
  await copyFile('test/toolchains/components/rust-middleware.wasm', join(folder, 'auth.wasm'));
  const base = config(['auth', 'shop']);
  const chained = (next: string | undefined): ServeConfig => ({
    ...base,
    components: base.components.map((each) => (each.name === 'auth' ? { ...each, next } : each)),
    // The service has no route of its own.
    routes: base.routes.filter(({ component }) => component === 'auth'),
  });
  // The middleware is loaded before the component that it needs.
  await deployment.apply(chained('shop'));
  expect([await get('/auth'), await get('/shop')]).toEqual(['one', 404]);
  await write('shop.wasm', 'two');
  await deployment.apply(chained('shop'));
  expect(await get('/auth')).toBe('two');
  await deployment.replace('auth');
  expect(await get('/auth')).toBe('two');
  // What the configuration no longer says does not apply any more.
  const [changed] = await deployment.apply(chained(undefined));
  expect(changed).toMatchObject({ component: 'auth', change: 'kept', error: { code: 'RUNTIME_MISSING_IMPORT' } });
  expect(await get('/auth')).toBe('two');
});

it('a component that somebody else has unloaded is loaded again by the next configuration', async () => {
  const { runtime, deployment, write, config, get } = await scene();
  await write('a.wasm', 'a one');
  await deployment.apply(config(['a']));
  await runtime.unload(deployment.handles.get('a') as ComponentHandle);
  expect(await get('/a')).toBe(503);
  await writeFile(join(folder, 'broken.wasm'), 'no component');
  await expect(deployment.apply(config(['a', 'broken']))).rejects.toThrow();
  expect(await get('/a')).toBe(503);
  expect(await deployment.apply(config(['a']))).toEqual([{ component: 'a', change: 'loaded' }]);
  expect(await get('/a')).toBe('a one');
});

it('requests reach what somebody else has loaded in the place of a component, until the next configuration replaces it', async () => {
  const { runtime, deployment, write, config, get } = await scene();
  await write('a.wasm', 'a one');
  await deployment.apply(config(['a']));
  await runtime.unload(deployment.handles.get('a') as ComponentHandle);
  await runtime.load(await helloHandler('a by hand'), { id: 'local/a/1' });
  expect(await get('/a')).toBe('a by hand');
  expect(await deployment.apply(config(['a']))).toEqual([{ component: 'a', change: 'replaced' }]);
  expect([await get('/a'), runtime.components().length]).toEqual(['a one', 1]);
});

it('a new version that answers no requests is refused, also where only its file has changed', async () => {
  const { deployment, write, config, get } = await scene();
  await write('a.wasm', 'a one');
  await deployment.apply(config(['a']));
  await writeFile(join(folder, 'a.wasm'), await adderComponent());
  const [kept] = await deployment.apply(config(['a']));
  expect(kept).toMatchObject({ component: 'a', change: 'kept', error: { code: 'RUNTIME_MISSING_EXPORT' } });
  await expect(deployment.replace('a')).rejects.toMatchObject({ code: 'RUNTIME_MISSING_EXPORT' });
  expect(await get('/a')).toBe('a one');
  await write('a.wasm', 'a two');
  expect(await deployment.apply(config(['a']))).toEqual([{ component: 'a', change: 'replaced' }]);
  expect(await get('/a')).toBe('a two');
});

it('an option that no component can have is told with the name of its component', async () => {
  const { deployment, write, config } = await scene();
  await write('a.wasm', 'a one');
  await expect(deployment.apply(config(['a'], { digest: 'sha256:00' }))).rejects.toMatchObject({
    code: 'SERVER_INVALID_CONFIG',
    message: expect.stringMatching(/^components\.a: digest is "sha256:00"; give/),
  });
});
