import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type JSONRPCMessage, parseJSONRPCMessage } from '@modelcontextprotocol/server';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineTransport } from '../../../src/server/mcp/line-transport.ts';

interface Opened {
  readonly input: PassThrough;
  readonly output: PassThrough;
  readonly messages: JSONRPCMessage[];
  readonly transport: LineTransport;
  /** Ends the input, and returns what was written when the transport has closed. */
  end(): Promise<readonly Record<string, unknown>[]>;
}

async function opened(maxMessageBytes = 1_000, highWaterMark?: number): Promise<Opened> {
  const [input, output] = [new PassThrough(), new PassThrough(highWaterMark === undefined ? {} : { highWaterMark })];
  const transport = new LineTransport({ input, output, maxMessageBytes, parse: parseJSONRPCMessage });
  const messages: JSONRPCMessage[] = [];
  transport.onmessage = (message) => void messages.push(message);
  const closed = new Promise<void>((resolve) => {
    transport.onclose = resolve;
  });
  await transport.start();
  return {
    input,
    output,
    messages,
    transport,
    async end() {
      input.end();
      const written = text(output);
      await closed;
      output.end();
      const lines = (await written).split('\n').filter((line) => line !== '');
      return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    },
  };
}

const ping = (id: number, extra = ''): string => `{"jsonrpc":"2.0","id":${id},"method":"ping"${extra}}\n`;

describe('lines of MCP', () => {
  it('are messages however the bytes are cut', async () => {
    const ids = fc.array(fc.nat(), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(ids, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), async (sent, cuts) => {
        const { input, messages, end } = await opened();
        const bytes = Buffer.from(sent.map((id) => ping(id, ',"params":{"text":"ä🦜"}')).join(''));
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const length = cuts[turn % cuts.length] as number;
          input.write(bytes.subarray(at, at + length));
          at += length;
        }
        expect(await end()).toEqual([]);
        expect(messages.map((message) => 'id' in message && message.id)).toEqual(sent);
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ['no JSON', 'nonsense', -32_700, null],
    ['nesting without end', '['.repeat(900), -32_700, null],
    ['no UTF-8', Buffer.of(0x22, 0xff, 0x22), -32_700, null],
    ['no message of JSON-RPC', '{"id":7,"method":1}', -32_600, 7],
    ['an id that is none', '{"id":{},"method":1}', -32_600, null],
    ['a batch', '[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32_600, null],
    ['a null', 'null', -32_600, null],
    ['more than the bound', `"${'x'.repeat(5_000)}"`, -32_600, null],
  ])('that hold %s are answered with an error, and the next line is read', async (_, line, code, id) => {
    const { input, messages, end } = await opened();
    input.write(line);
    input.write(`\n  \r\n${ping(1)}`);
    expect(await end()).toMatchObject([{ jsonrpc: '2.0', id, error: { code } }]);
    expect(messages).toMatchObject([{ id: 1 }]);
  });

  it('beyond the bound are not kept while they arrive', async () => {
    const { input, end } = await opened(1_000);
    const before = process.memoryUsage().arrayBuffers;
    const piece = Buffer.alloc(2 ** 20, 0x20);
    for (let count = 0; count < 64; count++) {
      if (!input.write(piece)) await new Promise((resolve) => input.once('drain', resolve));
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 2 ** 20);
    input.write('\n');
    expect(await end()).toMatchObject([{ error: { code: -32_600 } }]);
  });

  it('are not read while the client does not take the answers', async () => {
    const { input, output, messages, transport, end } = await opened(1_000, 256);
    transport.onmessage = (message) => {
      messages.push(message);
      if ('id' in message) void transport.send({ jsonrpc: '2.0', id: message.id as number, result: {} });
    };
    for (let id = 0; id < 1_000; id++) input.write(ping(id));
    await new Promise((resolve) => setImmediate(resolve));
    expect(messages.length).toBeLessThan(20);
    expect(output.readableLength + output.writableLength).toBeLessThan(4_096);
    expect((await end()).length).toBe(1_000);
  });

  it('end when the client stops reading', async () => {
    const { output, transport } = await opened();
    const closed = new Promise<void>((resolve) => {
      transport.onclose = resolve;
    });
    output.destroy(new Error('EPIPE'));
    await closed;
    await transport.send({ jsonrpc: '2.0', id: 1, result: {} });
  });
});
