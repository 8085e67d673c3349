// Configurations that change which component passes requests on to which: no state in between, and no failure, leaves a circle.
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { Deployment, HttpServer, type ServeConfig } from '#server';
import { createRuntime } from '#system';
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

async function scene() {
  await Promise.all(['a', 'b'].map((name) => copyFile(MIDDLEWARE, join(folder, `${name}.wasm`))));
  const runtime = await createRuntime();
  onTestFinished(() => runtime.close());
  const deployment = new Deployment(runtime);
  const server = new HttpServer((head) => deployment.find(head), { port: 0 });
  const { url } = await server.listen();
  onTestFinished(() => server.drain(0));
  const get = async (path: string): Promise<readonly unknown[]> => {
    const response = await fetch(url + path);
    return [response.status, response.headers.get('x-middleware')];
  };
  return { runtime, deployment, get };
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
