// A server with its management API, over real connections.
import { onTestFinished } from 'vitest';
import { HttpServer, InternalRoutes } from '#server';
import { management, newToken, type Scope, type TokenSettings } from '#server/management';
import { systemClock } from '#system';
import { type AuditLog, createRuntime, type Runtime } from '../../../src/index.ts';

export interface Scene {
  readonly runtime: Runtime;
  readonly url: string;
  /** A token of each scope. */
  readonly tokens: Readonly<Record<Scope | 'expired', string>>;
  /** Ends the management API. */
  dispose(): void;
  /** Sends a request with the token of a scope, or without one. */
  send(method: string, path: string, scope?: Scope | 'expired', init?: RequestInit): Promise<Response>;
}

export async function scene({
  audit,
  ...options
}: {
  readonly maxComponentBytes?: number;
  readonly maxMessageBytes?: number;
  /** Receives what the runtime writes to its audit log. */
  readonly audit?: AuditLog;
} = {}): Promise<Scene> {
  const runtime = await createRuntime(audit === undefined ? {} : { overrides: { audit } });
  const made = { read: newToken(), send: newToken(), call: newToken(), deploy: newToken(), expired: newToken() };
  const settings: TokenSettings[] = Object.entries(made).map(([name, { hash }]) => ({
    name,
    hash,
    scopes: name === 'expired' ? ['read', 'send', 'call', 'deploy'] : [name as Scope],
    ...(name === 'expired' ? { expiresAt: 1 } : {}),
  }));
  const managed = management(runtime, { tokens: () => settings, clock: systemClock, version: '1.2.3', ...options });
  const server = new HttpServer(() => ({ web: () => new Response('a component') }), {
    port: 0,
    internal: new InternalRoutes({ ...managed }),
  });
  const { url } = await server.listen();
  onTestFinished(async () => {
    await server.drain(0);
    managed[Symbol.dispose]();
    await runtime.close();
  });
  const tokens = Object.fromEntries(Object.entries(made).map(([name, { token }]) => [name, token]));
  return {
    runtime,
    url,
    tokens: tokens as Scene['tokens'],
    dispose: () => managed[Symbol.dispose](),
    send: (method, path, scope, init = {}) =>
      fetch(`${url}${path}`, {
        method,
        ...init,
        headers: { ...(scope === undefined ? {} : { authorization: `Bearer ${tokens[scope]}` }), ...init.headers },
      }),
  };
}
