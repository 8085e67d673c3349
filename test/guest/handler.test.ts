import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ComponentHandle, createRuntime, type Runtime, toResponse } from '../../src/index.ts';
import { buildActor } from '../../src/system/operations/index.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const limits = { maxExecutionTimeMs: 20_000 };

describe('a source that answers HTTP requests', () => {
  const folder = temporaryFolder();
  const component = folder.at('site.wasm');
  const logs: string[] = [];
  let runtime: Runtime;
  let site: ComponentHandle;
  beforeAll(async () => {
    await buildActor(new URL('guests/site.ts', import.meta.url).pathname, { output: component, check: true });
    runtime = await createRuntime({ limits });
    runtime.on('log', ({ message }) => logs.push(message));
    site = await runtime.load(component, { store: 'per-call', grants: ['storage:*:**'] });
  });
  afterAll(async () => {
    await runtime.close();
    folder[Symbol.dispose]();
  });
  const ask = (path: string, init?: RequestInit): Promise<Response> =>
    runtime.fetch(site, new Request(`http://shop.example${path}`, init));

  it('is given the method, the whole URL and the headers', async () => {
    const response = await ask('/a%20b?name=Ada&x=1', { method: 'PATCH', body: 'x' });
    expect(await response.json()).toEqual({
      method: 'PATCH',
      url: 'http://shop.example/a%20b?name=Ada&x=1',
      name: 'Ada',
    });
    expect(response.headers.get('content-type')).toBe('application/json');
  });

  it('answers with a status, headers and a body of any size', async () => {
    const body = Buffer.alloc(150_000, 'body of a request ');
    const response = await ask('/echo', { method: 'POST', body, headers: { 'x-kind': 'gr\u00fcn' } });
    expect([response.status, response.headers.get('x-kind')]).toEqual([202, 'gr\u00fcn']);
    expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true);
    expect(await (await ask('/echo', { method: 'PUT' })).text()).toBe('');
  });

  it('redirects', async () => {
    const response = await ask('/moved');
    expect([response.status, response.headers.get('location')]).toEqual([308, 'http://shop.example/there']);
  });

  it('may wait, and use what vivarium/guest has', async () => {
    expect(await (await ask('/waits')).text()).toBe('waited');
    expect(await (await ask('/count')).json()).toEqual({ seen: 1 });
    expect(await (await ask('/count')).json()).toEqual({ seen: 2 });
  });

  it('draws other random numbers in each instance', async () => {
    const drawn = await Promise.all(Array.from({ length: 5 }, async () => (await ask('/random')).json()));
    expect(new Set(drawn).size).toBe(5);
  });

  it('keeps the headers of the connection to the host', async () => {
    const response = await ask('/connection');
    expect(Object.fromEntries(response.headers)).toMatchObject({ 'x-kept': 'yes' });
    expect(response.headers.has('transfer-encoding')).toBe(false);
  });

  it.each([
    ['/throws', /RangeError: too far[\s\S]*site\.ts:\d+:\d+/],
    ['/nothing', /TypeError: fetch answered no Response/],
  ])('tells the author and not the client what %s failed with', async (path, logged) => {
    logs.length = 0;
    const error = await ask(path).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'RUNTIME_COMPONENT_ERROR',
      payload: { tag: 'internal-error', val: undefined },
    });
    const response = toResponse(error as Error);
    expect([response.status, await response.text()]).toEqual([502, expect.not.stringContaining('too far')]);
    expect(logs.join('\n')).toMatch(logged);
  });

  it('may keep its instance, and goes on after a failure', async () => {
    const kept = await runtime.load(component, { id: 't/kept/1', store: 'per-actor' });
    const path = async (at: string): Promise<string> =>
      (await runtime.fetch(kept, new Request(`http://a.example${at}`, { method: 'POST', body: 'unread' }))).text();
    expect(await path('/waits')).toBe('waited');
    await expect(path('/throws')).rejects.toMatchObject({ code: 'RUNTIME_COMPONENT_ERROR' });
    expect(await path('/waits')).toBe('waited');
  });

  it('is refused by the build where its default export has no fetch', async () => {
    writeFileSync(folder.at('wrong.ts'), 'export default { answer() {} };');
    await expect(buildActor(folder.at('wrong.ts'), { output: folder.at('wrong.wasm') })).rejects.toMatchObject({
      code: 'PROJECT_BUILD_FAILED',
      message: expect.stringContaining('write export default { fetch(request) { … } }'),
    });
  });
});
