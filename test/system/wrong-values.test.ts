// What an embedder without types may give by mistake is named, wherever a handle or a component is taken.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ComponentHandle, createRuntime, type Runtime, type VivariumError } from '../../src/index.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createRuntime();
});
afterAll(() => runtime.close());

const WRONG = ['demo/a/1', undefined, null, 3, {}, { id: 'demo/a/1', handleId: 1n }] as never[];
const USES: [string, (handle: ComponentHandle) => unknown][] = [
  ['request', (handle) => runtime.request(handle, new Uint8Array(1))],
  ['send', (handle) => runtime.send(handle, new Uint8Array(1))],
  ['call', (handle) => runtime.call(handle, 'run')],
  ['usage', (handle) => runtime.usage(handle)],
  ['grant', (handle) => runtime.grant(handle, 'storage:read:**')],
  ['unload', (handle) => runtime.unload(handle)],
];

describe.each(USES)('%s', (_, use) => {
  it.each(WRONG)('refuses %o, which is not a handle', async (wrong) => {
    const refused = (async () => use(wrong))().then(
      () => undefined,
      (error: VivariumError) => error,
    );
    expect(await refused).toMatchObject({
      code: 'RUNTIME_NOT_FOUND',
      message: expect.stringContaining('not a handle'),
    });
  });
});

it.each([undefined, null, 3, {}] as never[])('load refuses %o, which names no component', async (wrong) => {
  const expected = { code: 'RUNTIME_NOT_FOUND', message: expect.stringContaining('a path, a URL, bytes') };
  await expect(runtime.load(wrong)).rejects.toMatchObject(expected);
  await expect(runtime.load(wrong, { id: 'demo/a/1' })).rejects.toMatchObject(expected);
});
