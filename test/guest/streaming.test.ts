import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ComponentHandle, createRuntime, type Runtime } from '../../src/index.ts';
import { buildActor } from '../../src/system/operations/index.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const MEBIBYTE = 2 ** 20;
/** Six times what the guest may have in memory. */
const LARGE = 40 * MEBIBYTE;

const folder = temporaryFolder();
const logs: string[] = [];
let runtime: Runtime;
let site: ComponentHandle;
let url: string;
const server = createServer((request, response) => {
  if (request.url === '/endless') {
    const write = (): void => {
      while (response.write(Buffer.alloc(65_536))) {}
    };
    response.on('drain', write);
    write();
    return;
  }
  let size = 0;
  request.on('data', (chunk: Uint8Array) => {
    size += chunk.length;
  });
  // A request whose body breaks off has no end, and nobody waits for its answer.
  request.on('error', () => {});
  request.on('end', () => response.end(JSON.stringify(size)));
});

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const output = folder.at('streaming.wasm');
  await buildActor(new URL('guests/streaming.ts', import.meta.url).pathname, { output, check: true });
  runtime = await createRuntime({
    limits: { maxMemoryBytes: 16 * MEBIBYTE, maxExecutionTimeMs: 60_000, maxTurnTimeMs: 600_000 },
  });
  runtime.on('log', ({ message }) => logs.push(message));
  site = await runtime.load(output, { id: 't/site/1', store: 'per-actor', grants: [`network:connect:${url}`] });
});
afterAll(async () => {
  await runtime.close();
  server.closeAllConnections();
  server.close();
  folder[Symbol.dispose]();
});

const ask = (path: string, body?: BodyInit): Promise<Response> =>
  runtime.fetch(
    site,
    new Request(`http://a.example${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      body: body ?? null,
      duplex: 'half',
    } as RequestInit),
  );
const answer = async (path: string, body?: BodyInit): Promise<unknown> => (await ask(path, body)).json();

/** A body of zeros; `made` counts what was asked for. */
function zeros(size: number): { readonly body: ReadableStream<Uint8Array>; readonly made: () => number } {
  let made = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const length = Math.min(65_536, size - made);
        if (length === 0) return controller.close();
        made += length;
        controller.enqueue(new Uint8Array(length));
      },
    },
    { highWaterMark: 0 },
  );
  return { body, made: () => made };
}

async function sizeOf(response: Response): Promise<number> {
  let size = 0;
  for await (const chunk of response.body ?? []) size += chunk.length;
  return size;
}

describe('bodies of a handler in TypeScript', () => {
  it('are read part by part, within less memory than the body has', async () => {
    expect(await answer('/count', zeros(LARGE).body)).toBe(LARGE);
  });

  it('are written part by part', async () => {
    expect(await sizeOf(await ask(`/zeros?size=${LARGE}`))).toBe(LARGE);
  });

  it('are passed on while they arrive', async () => {
    expect(await sizeOf(await ask('/echo', zeros(LARGE).body))).toBe(LARGE);
    expect(await (await ask('/upper', 'gr\u00fcn')).text()).toBe('GR\u00dcN');
    expect(await (await ask('/echo', '')).text()).toBe('');
  });

  it('wait for whoever reads', async () => {
    const sent = zeros(LARGE);
    const response = await ask('/echo', sent.body);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    expect(sent.made()).toBeLessThan(8 * MEBIBYTE);
    await reader.cancel();
    expect(await answer('/count', 'the actor goes on')).toBe(17);
  });

  it('need not be read to their end', async () => {
    const sent = zeros(LARGE);
    expect(await answer('/first', sent.body)).toBe(true);
    expect(sent.made()).toBeLessThan(8 * MEBIBYTE);
  });

  it('are cancelled with a reason where the client reads no more', async () => {
    logs.length = 0;
    const reader = ((await ask(`/zeros?size=${LARGE}`)).body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    await reader.cancel();
    expect(await answer('/count', 'x')).toBe(1);
    expect(logs.join('\n')).toContain('cancelled with some left');
  });

  it('can be cloned, and are read once', async () => {
    expect(await answer('/twice', 'both')).toEqual(['both', 'both', true, true]);
    expect(await answer('/used', 'once')).toEqual([false, true, 'TypeError: the body was read already', null]);
  });

  it.each([
    ['/breaks', /RangeError: half of it[\s\S]*streaming\.ts:\d+:\d+/],
    ['/text', /chunk that is no Uint8Array/],
  ])('break off for the client where the source of %s fails, and the author learns why', async (path, logged) => {
    logs.length = 0;
    await expect(ask(path).then((response) => response.text())).rejects.toMatchObject({
      code: 'RUNTIME_COMPONENT_ERROR',
    });
    expect(await answer('/count', 'x')).toBe(1);
    expect(logs.join('\n')).toMatch(logged);
  });
});

describe('bodies of fetch in a guest', () => {
  it('are sent part by part, made by the guest or passed on', async () => {
    const target = encodeURIComponent(url);
    expect(await answer(`/sends?size=${LARGE}&url=${target}`)).toBe(LARGE);
    expect(await answer(`/passes?url=${target}`, zeros(LARGE).body)).toBe(LARGE);
  });

  it('reject fetch with the error of their source', async () => {
    expect(await answer(`/fails?url=${encodeURIComponent(url)}`)).toBe('RangeError: no more to send');
  });

  it('are left before their end, by a loop or by a signal', async () => {
    const target = encodeURIComponent(`${url}/endless`);
    expect(await answer(`/gives-up?url=${target}`)).toBe('read enough');
    expect(await answer(`/aborts?url=${target}`)).toEqual([true, 'Error: enough']);
  });
});
