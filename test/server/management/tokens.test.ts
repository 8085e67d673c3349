import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { HttpServer, InternalRoutes } from '#server';
import { management, newToken, SCOPES, type Scope } from '#server/management';
import { systemClock } from '#system';
import { authorizeBy } from '../../../src/server/management/tokens.ts';
import { scene } from './scene.ts';

const clock = { now: () => 1_000 };

describe('tokens', () => {
  it('open what has their scope, and nothing else', async () => {
    const expiry = fc.option(fc.integer({ min: 1, max: 2_000 }), { nil: undefined });
    const held = fc.subarray([...SCOPES]);
    await fc.assert(
      fc.asyncProperty(
        held,
        fc.constantFrom(...SCOPES),
        expiry,
        fc.boolean(),
        async (scopes, wanted, expiresAt, known) => {
          const { token, hash } = newToken();
          const others = [newToken(), newToken()].map((each) => ({ name: 'x', hash: each.hash, scopes: [...SCOPES] }));
          const authorize = authorizeBy(() => [...others, { name: 'a', hash, scopes, expiresAt }], clock);
          const headers = { authorization: `Bearer ${known ? token : newToken().token}` };
          const status = (await authorize(new Request('http://host/-/v1/components', { headers }), wanted))?.status;
          const isValid = known && (expiresAt === undefined || expiresAt > 1_000);
          expect(status).toBe(!isValid ? 401 : scopes.includes(wanted) ? undefined : 403);
        },
      ),
    );
  });

  it.each([
    ['none', {}],
    ['another scheme', { authorization: 'Basic dXNlcjpwYXNz' }],
    ['no credentials', { authorization: 'Bearer' }],
    ['an empty token', { authorization: 'Bearer ' }],
    ['a token with a space', { authorization: 'Bearer a b' }],
    ['a very long token', { authorization: `Bearer ${'a'.repeat(10_000)}` }],
    ['a hash in place of the token', { authorization: `Bearer ${newToken().hash}` }],
  ])('are needed: %s is answered 401', async (_, headers) => {
    const authorize = authorizeBy(() => [{ name: 'a', hash: newToken().hash, scopes: ['read'] }], clock);
    const response = await authorize(new Request('http://host/', { headers: headers as HeadersInit }), 'read');
    expect(response?.status).toBe(401);
    expect(response?.headers.get('www-authenticate')).toMatch(/^Bearer realm="vivarium"/);
    expect(await response?.json()).toMatchObject({ status: 401, title: 'Unauthorized' });
  });

  it('never open anything for a setting whose hash is none', async () => {
    for (const hash of ['', 'sha256:', 'x', `sha256:${'0'.repeat(63)}`]) {
      const authorize = authorizeBy(() => [{ name: 'a', hash, scopes: [...SCOPES] }], clock);
      const request = new Request('http://host/', { headers: { authorization: 'Bearer x' } });
      expect((await authorize(request, 'read'))?.status).toBe(401);
    }
  });

  it('are refused in a URL, also when they are valid', async () => {
    const { url, tokens } = await scene();
    for (const name of ['access_token', 'token']) {
      const response = await fetch(`${url}/-/v1/components?${name}=${tokens.read}`);
      expect(response.status).toBe(400);
      expect(await response.text()).not.toContain(tokens.read);
    }
  });

  it('are asked for at every route of the API, each for one scope', async () => {
    const { send } = await scene();
    const routes: readonly [string, string, Scope][] = [
      ['GET', '/-/v1/components', 'read'],
      ['GET', '/-/v1/components/a/b/c', 'read'],
      ['PUT', '/-/v1/components/a/b/c', 'deploy'],
      ['DELETE', '/-/v1/components/a/b/c', 'deploy'],
      ['GET', '/-/v1/components/a/b/c/logs', 'read'],
      ['GET', '/-/v1/dead-letters', 'read'],
      ['GET', '/-/v1/metrics', 'read'],
      ['GET', '/-/v1/events', 'read'],
      ['GET', '/-/v1/topics/a', 'read'],
      ['GET', '/-/openapi.json', 'read'],
      ['POST', '/actors/a/b/c', 'send'],
      ['POST', '/-/mcp', 'call'],
    ];
    for (const [method, path, scope] of routes) {
      expect((await send(method, path)).status, path).toBe(401);
      expect((await send(method, path, 'expired')).status, path).toBe(401);
      for (const other of SCOPES.filter((each) => each !== scope)) {
        const response = await send(method, path, other);
        expect(response.status, `${path} ${other}`).toBe(403);
        expect(response.headers.get('www-authenticate')).toContain(`insufficient_scope", scope="${scope}"`);
      }
      const opened = await send(method, path, scope);
      expect([401, 403], path).not.toContain(opened.status);
      await opened.body?.cancel();
    }
  });

  it('are needed even from the own origin; pages of others are refused', async () => {
    const { send, url } = await scene();
    const get = async (headers: Record<string, string>): Promise<number> =>
      (await send('GET', '/-/v1/components', 'read', { headers })).status;
    expect(await get({ origin: url })).toBe(200);
    expect(await get({ origin: 'https://evil.example' })).toBe(403);
    expect(await get({ origin: 'null' })).toBe(403);
    expect(await get({ origin: `${url}.evil.example` })).toBe(403);
  });

  it.each([
    ['cross-site', 403],
    ['same-site', 403],
    ['same-origin', undefined],
    ['none', undefined],
  ])('are looked at after where a browser says that a request comes from: %s', async (site, status) => {
    const { token, hash } = newToken();
    const authorize = authorizeBy(() => [{ name: 'a', hash, scopes: ['read'] }], clock);
    const headers = { authorization: `Bearer ${token}`, 'sec-fetch-site': site };
    const request = { url: 'http://host/-/v1/components', headers: new Map(Object.entries(headers)) };
    // The constructor of Request drops headers that only browsers may set.
    const asked = { url: request.url, headers: { get: (name: string) => request.headers.get(name) ?? null } };
    expect((await authorize(asked as unknown as Request, 'read'))?.status).toBe(status);
  });

  it('leave nothing where there are none', async () => {
    const { runtime } = await scene();
    using managed = management(runtime, { tokens: () => [], clock: systemClock, version: '1' });
    const routes = new InternalRoutes({ routes: managed.routes });
    const server = new HttpServer(() => ({ web: () => new Response('a component') }), { port: 0, internal: routes });
    const { url } = await server.listen();
    onTestFinished(() => server.drain(0));
    expect((await fetch(`${url}/-/v1/components`)).status).toBe(404);
    expect(await (await fetch(`${url}/actors/a/b/c`, { method: 'POST' })).text()).toBe('a component');
  });
});
