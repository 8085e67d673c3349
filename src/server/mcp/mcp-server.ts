import type { McpServerFactory } from '@modelcontextprotocol/server';
import { messageOf } from '#core/errors';
import { shownText } from '#core/text';
import { ServerError } from '../errors.ts';
import type { ComponentTools } from './component-tools.ts';

type Sdk = typeof import('@modelcontextprotocol/server');
type StdioSdk = typeof import('@modelcontextprotocol/server/stdio');

/** Loads the SDK, which is an optional peer. @throws {ServerError} `SERVER_MISSING_PEER` */
export async function mcpSdk(): Promise<Sdk & StdioSdk> {
  try {
    const [sdk, stdio] = await Promise.all([
      import('@modelcontextprotocol/server'),
      import('@modelcontextprotocol/server/stdio'),
    ]);
    return { ...sdk, ...stdio };
  } catch (cause) {
    const message = `the SDK of MCP cannot be loaded (${messageOf(cause)}); install it: npm install @modelcontextprotocol/server@2`;
    throw new ServerError('SERVER_MISSING_PEER', message, { cause });
  }
}

/** Returns a factory of servers that offer the tools. The SDK asks it for one for each connection or request. */
export function serversFor(
  tools: ComponentTools,
  version: string,
  { Server, ProtocolError, ProtocolErrorCode }: Sdk,
): McpServerFactory {
  return () => {
    const server = new Server({ name: 'vivarium', version }, { capabilities: { tools: { listChanged: true } } });
    // The list's type allows changes that nobody makes.
    server.setRequestHandler('tools/list', () => ({ tools: structuredClone(tools.list()) as never }));
    server.setRequestHandler('tools/call', async ({ params }, { mcpReq }) => {
      const answer = await tools.call(params.name, params.arguments ?? {}, mcpReq.signal);
      if (answer === undefined) {
        throw new ProtocolError(ProtocolErrorCode.InvalidParams, `there is no tool ${shownText(params.name)}`);
      }
      const { text, structured, isError } = answer;
      return {
        content: [{ type: 'text', text }],
        ...(structured === undefined ? {} : { structuredContent: structured }),
        isError,
      };
    });
    return server;
  };
}
