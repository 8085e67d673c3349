import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { describe, expect, it } from 'vitest';
import { plain } from '../../../tools/components/actor-wat.ts';
import { scene } from './scene.ts';

/** Reads the data of the first events of a response, and leaves. */
async function events(response: Response, most: number): Promise<readonly Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  let text = '';
  const decoder = new TextDecoder();
  for await (const piece of response.body ?? []) {
    text += decoder.decode(piece, { stream: true });
    const parts = text.split('\n\n');
    text = parts.pop() ?? '';
    for (const part of parts) {
      const data = /^event: \w+\ndata: (.+)$/.exec(part)?.[1];
      if (data !== undefined) found.push(JSON.parse(data) as Record<string, unknown>);
    }
    if (found.length >= most) break;
  }
  return found;
}

describe('streams of events', () => {
  it('tell the figures of all components', async () => {
    const { send, runtime } = await scene();
    await runtime.load(await plain('', '(local.get 0)'), { id: 'demo/plain/1' });
    const response = await send('GET', '/-/v1/events', 'read');
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const [first] = await events(response, 1);
    expect(first).toMatchObject({
      rows: [['demo/plain/1', 'ready', 0, 0, expect.any(String), ...Array(5).fill(expect.any(Number))]],
    });
  });

  it('tell the messages of a topic, whatever they hold', async () => {
    const { send, runtime } = await scene();
    const response = await send('GET', '/-/v1/topics/orders/new', 'read');
    const forged = 'one\n\nevent: forged\r\ndata: x\n\n';
    await runtime.topic('orders/new').publish(Buffer.from(forged), { contentType: 'text/plain' });
    await runtime.topic('orders/new').publish(Uint8Array.of(0xff));
    expect(await events(response, 2)).toMatchObject([
      { sender: 'vivarium/host/0', contentType: 'text/plain', text: forged },
      { base64: '/w==' },
    ]);
    expect((await send('GET', '/-/v1/topics/a//b', 'read')).status).toBe(400);
  });

  it('are bounded, and end when their client leaves', async () => {
    const { send } = await scene();
    const open = await Promise.all(Array.from({ length: 64 }, () => send('GET', '/-/v1/events', 'read')));
    expect(open.every(({ status }) => status === 200)).toBe(true);
    expect((await send('GET', '/-/v1/events', 'read')).status).toBe(503);
    await Promise.all(open.map(({ body }) => body?.cancel()));
    const again = async (): Promise<number> => {
      const response = await send('GET', '/-/v1/events', 'read');
      await response.body?.cancel();
      return response.status;
    };
    await expect.poll(again).toBe(200);
  });
});

it('streams of events end with the management API, so that a server which ends does not wait for their clients', async () => {
  const { send, dispose } = await scene();
  const response = await send('GET', '/-/v1/events', 'read');
  dispose();
  expect(await response.text()).toContain(':\n\n');
  expect((await send('GET', '/-/v1/events', 'read')).status).toBe(503);
});

describe('MCP over HTTP', () => {
  it('offers the functions of the loaded components to a client of the SDK', async () => {
    const { url, tokens, runtime } = await scene();
    await runtime.load(await plain('', '(i32.mul (local.get 0) (i32.const 2))'), { id: 'demo/double/1' });
    const client = new Client({ name: 'test', version: '1.0.0' });
    const requestInit = { headers: { authorization: `Bearer ${tokens.call}` } };
    await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/-/mcp`), { requestInit }));
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['run']);
    const answer = await client.callTool({ name: 'run', arguments: { n: 21 } });
    expect(answer).toMatchObject({ structuredContent: { result: 42 } });
    await client.close();
  });
});
