// A server with its management API, over real connections.
import { onTestFinished } from 'vitest';
import { HttpServer, healthRoutes, InternalRoutes, metricsRoute, RequestMetrics } from '#server';
import { type Management, management, newToken, type Scope, type TokenSettings } from '#server/management';
import { systemClock } from '#system';
import {
  type AuditLog,
  createRuntime,
  type Runtime,
  type RuntimeOptions,
  type RuntimePorts,
} from '../../../src/index.ts';

export interface Scene {
  readonly runtime: Runtime;
  readonly url: string;
  /** A token of each scope. */
  readonly tokens: Readonly<Record<Scope | 'expired', string>>;
  /** The routes that the server has. */
  readonly managed: Management;
  /** Ends the management API. */
  dispose(): void;
  /** Sends a request with the token of a scope, or without one. */
  send(method: string, path: string, scope?: Scope | 'expired', init?: RequestInit): Promise<Response>;
}

export async function scene({
  audit,
  registry,
  cache,
  ...options
}: {
  readonly maxComponentBytes?: number;
  readonly maxMessageBytes?: number;
  /** Receives what the runtime writes to its audit log. */
  readonly audit?: AuditLog;
  readonly registry?: RuntimePorts['registry'];
  readonly cache?: RuntimeOptions['cache'];
} = {}): Promise<Scene> {
  const parts = { ...(audit === undefined ? {} : { audit }), ...(registry === undefined ? {} : { registry }) };
  const runtime = await createRuntime({ overrides: parts, ...(cache === undefined ? {} : { cache }) });
  const made = { read: newToken(), send: newToken(), call: newToken(), deploy: newToken(), expired: newToken() };
  const settings: TokenSettings[] = Object.entries(made).map(([name, { hash }]) => ({
    name,
    hash,
    scopes: name === 'expired' ? ['read', 'send', 'call', 'deploy'] : [name as Scope],
    ...(name === 'expired' ? { expiresAt: 1 } : {}),
  }));
  const beside = [...healthRoutes(() => true), metricsRoute(runtime, new RequestMetrics(), false)];
  const common = { tokens: () => settings, clock: systemClock, version: '1.2.3', beside };
  const managed = management(runtime, { ...common, ...options });
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
    managed,
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
