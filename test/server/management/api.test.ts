import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import type { AuditEntry } from '#core/ports/audit';
import { KeyStore, TrustStore } from '#security/keys';
import { Signer } from '#security/signers';
import { systemClock } from '#system';
import { openRegistry } from '#system/operations';
import { actor } from '../../../tools/components/actor-wat.ts';
import { adderComponent } from '../../../tools/components/adder-component.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { scene } from './scene.ts';

const wasm = (body: Uint8Array): RequestInit => ({
  body: new Uint8Array(body),
  headers: { 'content-type': 'application/wasm' },
});
const AT = '/-/v1/components/demo/echo/1';

describe('the management API', () => {
  it('loads, shows, replaces and unloads a component', async () => {
    const { send, runtime } = await scene();
    const query = 'grant=storage:read:**&max-fuel=1000000&max-memory-bytes=1048576&store=per-actor';
    const loaded = await send('PUT', `${AT}?${query}`, 'deploy', wasm(await actor()));
    expect(loaded.status).toBe(201);
    expect(await loaded.json()).toMatchObject({
      id: 'demo/echo/1',
      state: 'ready',
      grants: ['storage:read:**'],
      limits: { maxFuel: '1000000', maxMemoryBytes: 1_048_576 },
      mailbox: { messages: 0 },
      restarts: 0,
    });
    const handle = runtime.find('demo/echo/1');
    const replaced = await send('PUT', AT, 'deploy', wasm(await actor({ handleMessage: 'unreachable' })));
    expect(replaced.status).toBe(200);
    expect(runtime.find('demo/echo/1')).toBe(handle);
    const list = (await (await send('GET', '/-/v1/components', 'read')).json()) as { id: string }[];
    expect(list.map(({ id }) => id)).toEqual(['demo/echo/1']);
    expect((await send('DELETE', AT, 'deploy')).status).toBe(204);
    expect((await send('GET', AT, 'read')).status).toBe(404);
  });

  it('keeps a component whose new version fails, and says why', async () => {
    const { send, runtime } = await scene();
    await send('PUT', AT, 'deploy', wasm(await actor()));
    const refused = await send('PUT', AT, 'deploy', wasm(Buffer.from('no component')));
    expect(refused.status).toBe(422);
    expect(refused.headers.get('content-type')).toBe('application/problem+json');
    expect(await refused.json()).toMatchObject({ code: 'RUNTIME_INVALID_COMPONENT', status: 422 });
    expect(runtime.components().map(({ state }) => state)).toEqual(['ready']);
  });

  it.each([
    ['a path of the server', { source: '/etc/passwd' }, 400],
    ['a source without TLS', { source: 'http://example.com/a.wasm' }, 400],
    ['an option that opens folders', { source: 'registry:x', preopens: { '/': '/' } }, 400],
    ['an option that is none', { source: 'registry:x', constructor: 1 }, 400],
    ['limits that are none', { source: 'registry:x', limits: { maxFuel: '-1' } }, 400],
    ['grants that are none', { source: 'https://127.0.0.1:1/a.wasm#sha256=0', grants: 7 }, 400],
    ['a list', [], 400],
  ])('refuses %s', async (_, body, status) => {
    const { send } = await scene();
    const headers = { 'content-type': 'application/json' };
    const response = await send('PUT', AT, 'deploy', { body: JSON.stringify(body), headers });
    expect([response.status, response.headers.get('content-type')]).toEqual([status, 'application/problem+json']);
  });

  it('refuses other types of bodies, bodies that are too large, and paths and parameters that are none', async () => {
    const { send } = await scene({ maxComponentBytes: 1_000, maxMessageBytes: 10 });
    const put = async (path: string, init: RequestInit): Promise<number> =>
      (await send('PUT', path, 'deploy', init)).status;
    expect(await put(AT, { body: 'x', headers: { 'content-type': 'text/plain' } })).toBe(415);
    expect(await put(AT, { body: '[[[', headers: { 'content-type': 'application/json' } })).toBe(400);
    expect(await put(AT, wasm(new Uint8Array(1_001)))).toBe(413);
    expect(await put('/-/v1/components/demo/Echo/1', wasm(new Uint8Array(1)))).toBe(404);
    expect(await put(`${AT}?grants=x`, wasm(new Uint8Array(1)))).toBe(400);
    expect((await send('POST', '/actors/demo/echo/1', 'send', { body: 'x' })).status).toBe(404);
  });

  it('writes to the audit log which token loaded, replaced, unloaded and sent, and what failed', async () => {
    const entries: AuditEntry[] = [];
    const audit = { append: (entry: AuditEntry) => void entries.push(entry), close: async () => undefined };
    const { send } = await scene({ audit });
    await send('PUT', AT, 'deploy', wasm(await actor()));
    await send('PUT', AT, 'deploy', wasm(Buffer.from('no component')));
    await send('PUT', AT, 'deploy', wasm(await actor()));
    await send('POST', '/actors/demo/echo/1', 'send', { body: 'hi' });
    await send('POST', '/actors/demo/echo/1', 'send', { body: 'hi', headers: { prefer: 'respond-async' } });
    expect((await send('DELETE', AT, 'send')).status).toBe(403);
    await send('DELETE', AT, 'deploy');
    expect(
      entries.filter(({ action }) => action.startsWith('manage:')).map(({ detail, ...entry }) => [entry, detail]),
    ).toEqual(
      [
        ['manage:load', 'deploy', 'done', /^from 127\.0\.0\.1$/],
        ['manage:replace', 'deploy', 'failed', /^from 127\.0\.0\.1: RUNTIME_INVALID_COMPONENT: /],
        ['manage:replace', 'deploy', 'done', /^from/],
        ['manage:send', 'send', 'done', /^from/],
        ['manage:send', 'send', 'done', /^from/],
        ['manage:unload', 'deploy', 'done', /^from/],
      ].map(([action, token, outcome, detail]) => [
        { action, component: 'demo/echo/1', target: `token ${token}`, outcome },
        expect.stringMatching(detail as RegExp),
      ]),
    );
  });

  it('gives nobody the id of the host', async () => {
    const { send, runtime } = await scene();
    const { status } = await send('PUT', '/-/v1/components/vivarium/host/0', 'deploy', wasm(await actor()));
    expect(status).toBe(409);
    expect(runtime.components()).toEqual([]);
  });

  it('shows what a component logged, and the letters that nobody handled, as data', async () => {
    const { send, runtime } = await scene();
    const handle = await runtime.load(await actor({ handleMessage: 'unreachable' }), { id: 'demo/echo/1' });
    await expect(runtime.request(handle, Buffer.from('<b>\u001b'))).rejects.toThrow();
    const lines = await send('GET', `${AT}/logs`, 'read');
    expect(await lines.json()).toMatchObject([{ channel: 'host', message: expect.stringContaining('failed') }]);
    const letters = await send('GET', '/-/v1/dead-letters?target=demo/echo/1', 'read');
    expect(letters.headers.get('content-security-policy')).toContain('sandbox');
    expect(letters.headers.get('x-content-type-options')).toBe('nosniff');
    const payload = Buffer.from('<b>\u001b').toString('base64');
    expect(await letters.json()).toMatchObject([
      { target: 'demo/echo/1', sender: 'vivarium/host/0', bytes: 4, payload },
    ]);
    expect(await (await send('GET', '/-/v1/dead-letters?target=other', 'read')).json()).toEqual([]);
  });

  it('counts what caches and messages have done', async () => {
    const { send } = await scene();
    expect(await (await send('GET', '/-/v1/metrics', 'read')).json()).toMatchObject({ cache: {}, messages: {} });
  });

  it('is described by an OpenAPI 3.1 document with every operation', async () => {
    const { send, managed } = await scene();
    const document = (await (await send('GET', '/-/openapi.json', 'read')).json()) as {
      readonly openapi: string;
      readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    };
    const { valid, errors } = await new Validator().validate(document);
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
    expect(document.openapi).toBe('3.1.0');
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const served = [...managed.routes, ...managed.upgrades.map((route) => ({ ...route, method: 'GET' }))].flatMap(
      ({ method, path }) =>
        (method === '*' ? ['GET', 'POST', 'DELETE'] : [method]).map(
          (each) => `${each} ${path.replace(/:(\w+)(?:\(\.\*\))?/g, '{$1}')}`,
        ),
    );
    expect(described.sort()).toEqual(served.sort());
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map((operation) => (operation as { operationId: string }).operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
    for (const [path, methods] of Object.entries(document.paths)) {
      const filled = path.replaceAll(/\{\w+\}/g, 'none');
      for (const [method, operation] of Object.entries(methods)) {
        const { security } = operation as { readonly security: readonly unknown[] };
        const { status } = await send(method.toUpperCase(), filled);
        if (path.startsWith('/sockets/')) expect(status, `${path} wants an upgrade`).toBe(200);
        else if (security.length > 0) expect(status, `${method} ${path} needs a token`).toBe(401);
        else expect([200, 404], `${method} ${path} is open`).toContain(status);
      }
    }
  });

  it('lists the artifacts of the cache, and not where it lies', async () => {
    using folder = temporaryFolder();
    const { send, runtime } = await scene({ cache: { root: folder.path } });
    await runtime.load(await actor(), { id: 'demo/echo/1' });
    await expect
      .poll(async () => (await (await send('GET', '/-/v1/artifacts', 'read')).json()) as object)
      .toMatchObject({
        entries: 1,
        artifacts: [{ wasmDigest: expect.stringMatching(/^(sha256:)?[0-9a-f]{64}$/) }],
      });
    expect(await (await send('GET', '/-/v1/artifacts', 'read')).text()).not.toContain(folder.path);
    const memory = await scene({ cache: false });
    expect((await memory.send('GET', '/-/v1/artifacts', 'read')).status).toBe(404);
  });

  it('lists the modules of the registry page by page, without their signatures', async () => {
    const none = await scene();
    expect((await none.send('GET', '/-/v1/modules', 'read')).status).toBe(404);
    using folder = temporaryFolder();
    await using registry = await openRegistry({ registry: folder.at('registry'), home: folder.at('home') });
    const signer = Signer.generate();
    await new KeyStore(folder.at('home')).save('me', signer);
    await new TrustStore(folder.at('home'), systemClock).add('me', signer.publicKey);
    const publisher = await registry.publisher();
    const about = { name: 'adder', version: '1.0.0', description: 'It adds.' };
    const published = await publisher.publishModule(await adderComponent(), about);
    const { send } = await scene({ registry: registry.client });
    const text = await (await send('GET', '/-/v1/modules', 'read')).text();
    expect(JSON.parse(text)).toMatchObject([{ id: published.id, name: 'adder', version: '1.0.0', status: 'verified' }]);
    expect(text).not.toContain('signature');
    expect(await (await send('GET', `/-/v1/modules?after=${published.id}`, 'read')).json()).toEqual([]);
  });
});

describe('an actor over HTTP', () => {
  it('is sent the body and its type, and its reply comes back', async () => {
    const { send, runtime } = await scene();
    await runtime.load(await actor(), { id: 'demo/echo/1' });
    const body = JSON.stringify({ hello: '🦜' });
    const type = { 'content-type': 'application/json' };
    const reply = await send('POST', '/actors/demo/echo/1', 'send', { body, headers: type });
    expect([reply.status, reply.headers.get('content-type'), await reply.text()]).toEqual([
      200,
      'application/json',
      body,
    ]);
    expect(reply.headers.get('content-security-policy')).toContain('sandbox');
    const later = await send('POST', '/actors/demo/echo/1', 'send', { body, headers: { prefer: 'respond-async' } });
    expect([later.status, later.headers.get('preference-applied')]).toEqual([202, 'respond-async']);
  });

  it('answers 204 without a reply, and problems when it fails', async () => {
    const { send, runtime } = await scene();
    const none = '(i32.store8 (i32.const 16) (i32.const 0)) (i32.store8 (i32.const 20) (i32.const 0)) (i32.const 16)';
    await runtime.load(await actor({ handleMessage: none }), { id: 'demo/quiet/1' });
    expect((await send('POST', '/actors/demo/quiet/1', 'send')).status).toBe(204);
    await runtime.load(await actor({ handleMessage: 'unreachable' }), { id: 'demo/trap/1' });
    const trapped = await send('POST', '/actors/demo/trap/1', 'send');
    expect(trapped.status).toBe(502);
    expect(await trapped.json()).toMatchObject({ code: 'RUNTIME_TRAP' });
    expect((await send('POST', '/actors/demo/trap/1', 'send')).status).toBe(409);
  });

  it('is given up when the client has waited as long as it said', async () => {
    const { send, runtime } = await scene();
    await runtime.load(await actor({ handleMessage: '(loop $more (br $more)) (i32.const 16)' }), {
      id: 'demo/spin/1',
      cancel: 'turn',
      limits: { maxExecutionTimeMs: 60_000 },
    });
    const late = await send('POST', '/actors/demo/spin/1', 'send', { headers: { prefer: 'wait=1' } });
    expect(late.status).toBe(504);
  });
});
