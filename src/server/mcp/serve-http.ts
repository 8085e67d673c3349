import { isVivariumError } from '#core/errors';
import type { ComponentTools } from './component-tools.ts';
import { mcpSdk, serversFor } from './mcp-server.ts';

/**
 * Answers requests of MCP's streamable HTTP. Each request is answered by itself, so that the server keeps nothing between two.
 * @param maxRequestBodySize the largest body of a request in bytes
 * @returns a function that answers undefined if the SDK, which it loads at the first request, is not installed.
 */
export function mcpHandler(
  tools: ComponentTools,
  version: string,
  maxRequestBodySize: number,
): (request: Request) => Promise<Response | undefined> {
  let handler: Promise<((request: Request) => Promise<Response>) | undefined> | undefined;
  const make = async (): Promise<((request: Request) => Promise<Response>) | undefined> => {
    try {
      const sdk = await mcpSdk();
      return sdk.createMcpHandler(serversFor(tools, version, sdk), { maxRequestBodySize }).fetch;
    } catch (error) {
      if (isVivariumError(error, 'SERVER_MISSING_PEER')) return undefined;
      throw error;
    }
  };
  return async (request) => {
    handler ??= make();
    return (await handler)?.(request);
  };
}
