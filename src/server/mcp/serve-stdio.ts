import type { Readable, Writable } from 'node:stream';
import type { ComponentTools } from './component-tools.ts';
import { LineTransport } from './line-transport.ts';
import { mcpSdk, serversFor } from './mcp-server.ts';

export interface McpStdioOptions {
  readonly input: Readable;
  readonly output: Writable;
  /** The version that the server says it has. */
  readonly version: string;
  /** The largest message in bytes; 8 MiB by default. */
  readonly maxMessageBytes?: number | undefined;
}

/**
 * Offers tools to one client that writes to `input` and reads from `output`. The promise resolves when the client has closed its end.
 * Calls that run then are ended. @throws {ServerError} `SERVER_MISSING_PEER`
 */
export async function serveMcpStdio(tools: ComponentTools, options: McpStdioOptions): Promise<void> {
  const sdk = await mcpSdk();
  const transport = new LineTransport({ ...options, parse: sdk.parseJSONRPCMessage });
  const { promise, resolve } = Promise.withResolvers<void>();
  const server = sdk.serveStdio(serversFor(tools, options.version, sdk), { transport });
  // The SDK has installed its own listener, which must run as well.
  const { onclose } = transport;
  const closed = (): void => {
    onclose?.();
    resolve();
  };
  transport.onclose = closed;
  await promise;
  await server.close();
}
