import { readdirSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { encodeLockfile } from '../../../src/bundle/lockfile/encode.ts';
import { rootOf } from '../../../src/bundle/lockfile/model.ts';
import { verify } from '../../../src/bundle/verify.ts';
import { type BundleFixture, bundleFixture, middle, REPOSITORY, SCOPE } from '../../support/bundle-fixture.ts';
import { type Fault, fail, OciRegistry } from '../../support/oci-registry.ts';

const three = { 'a.go': 'package a', 'b.go': 'package b', 'c.go': 'package c' };

async function pushed(registry: OciRegistry): Promise<BundleFixture> {
  const fixture = bundleFixture(registry);
  fixture.sources(three);
  await fixture.push();
  return fixture;
}

/** Answers the first `times` GETs of a chunk (not of the lockfile) in another way. */
function onChunk(registry: OciRegistry, answer: (response: ServerResponse, url: string) => void, times = 1): void {
  const { config } = JSON.parse((registry.manifests.get(`${REPOSITORY}:latest`) as Buffer).toString());
  let left = times;
  registry.faults.push((request, response) => {
    const { method, url = '' } = request;
    if (method !== 'GET' || !url.includes('/blobs/') || url.includes(config.digest) || left-- <= 0) return false;
    answer(response, url);
    return true;
  });
}

async function refusedPull(fixture: BundleFixture): Promise<{ code: string; message: string }> {
  const error = await fixture.pull('pulled').then(
    () => {
      throw new Error('the pull succeeded');
    },
    (thrown: { code: string; message: string }) => thrown,
  );
  expect(readdirSync(fixture.at())).not.toContain('pulled');
  return error;
}

describe('a registry that fails for a moment', () => {
  it.each([500, 502, 503, 504, 408, 429])('is asked again after %i', async (status) => {
    await using registry = await OciRegistry.start();
    using fixture = await pushed(registry);
    onChunk(registry, (response) => void response.writeHead(status).end());
    await fixture.pull('pulled');
    expect(fixture.clock.waits).toEqual([150]);
  });

  it('is waited for as long as Retry-After says, in seconds or by a date', async () => {
    await using registry = await OciRegistry.start();
    using fixture = await pushed(registry);
    onChunk(registry, (response) => void response.writeHead(429, { 'retry-after': '7' }).end());
    await fixture.pull('pulled');
    const date = new Date(fixture.clock.now() + 12_000).toUTCString();
    onChunk(registry, (response) => void response.writeHead(503, { 'retry-after': date }).end());
    await fixture.pull('again');
    expect(fixture.clock.waits[0]).toBe(7000);
    expect(Math.round((fixture.clock.waits[1] as number) / 1000)).toBe(12);
  });

  it('is given up after five more attempts, each later than the one before', async () => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    registry.faults.push((_, response) => {
      response.writeHead(500).end();
      return true;
    });
    expect((await refusedPull(fixture)).code).toBe('BUNDLE_UNREACHABLE');
    expect(registry.seen).toHaveLength(6);
    expect(fixture.clock.waits).toEqual([150, 300, 600, 1200, 2400]);
  });

  it('may close connections while a push runs', async () => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    let requests = 0;
    registry.faults.push((_, response) => {
      if (++requests % 3 !== 0) return false;
      response.destroy();
      return true;
    });
    fixture.sources(three);
    await fixture.push();
    registry.faults.length = 0;
    await fixture.pull('pulled');
  });

  it('that is not there is unreachable', async () => {
    const registry = await OciRegistry.start();
    const { url } = registry;
    await registry[Symbol.asyncDispose]();
    using fixture = bundleFixture({ url });
    expect((await refusedPull(fixture)).code).toBe('BUNDLE_UNREACHABLE');
  });

  it('that says nothing is not waited for without end', async () => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    // Only the last attempt meets silence, because the HTTP client counts short times in steps of half a second.
    registry.faults.push((_, response) => {
      if (registry.seen.length < 6) response.destroy();
      return true;
    });
    await expect(fixture.pull('pulled', { idleMs: 30 })).rejects.toMatchObject({ code: 'BUNDLE_UNREACHABLE' });
    expect(registry.seen).toHaveLength(6);
  });

  it('is left when the caller gives up', async () => {
    await using registry = await OciRegistry.start();
    using fixture = await pushed(registry);
    const controller = new AbortController();
    onChunk(registry, () => controller.abort(new Error('enough')), 9);
    await expect(fixture.pull('pulled', {}, { signal: controller.signal })).rejects.toThrow('enough');
    expect(readdirSync(fixture.at())).not.toContain('pulled');
  });
});

describe('a registry that lies', () => {
  it.each<[string, string, (response: ServerResponse) => void]>([
    [
      'other bytes of the right length',
      'BUNDLE_DIGEST_MISMATCH',
      (response) => void response.writeHead(200).end('package x'),
    ],
    ['fewer bytes', 'BUNDLE_DIGEST_MISMATCH', (response) => void response.writeHead(200).end('pack')],
    ['no bytes', 'BUNDLE_DIGEST_MISMATCH', (response) => void response.writeHead(200).end()],
    ['more bytes', 'BUNDLE_DIGEST_MISMATCH', (response) => void response.writeHead(200).end('package abc')],
    [
      'a body without end',
      'BUNDLE_DIGEST_MISMATCH',
      (response) => {
        response.writeHead(200);
        const piece = Buffer.alloc(64 * 1024);
        const more = () => {
          while (response.writable && !response.destroyed && response.write(piece));
          response.once('drain', more);
        };
        more();
      },
    ],
    [
      'a Content-Length that is too small',
      'BUNDLE_',
      (response) => void response.writeHead(200, { 'content-length': '4' }).end('pack'),
    ],
    ['not found', 'BUNDLE_CHUNK_MISSING', (response) => fail(response, 404, 'BLOB_UNKNOWN')],
    ['not found, without a body', 'BUNDLE_CHUNK_MISSING', (response) => void response.writeHead(404).end()],
    ['unauthorised', 'BUNDLE_UNAUTHORISED', (response) => void response.writeHead(401).end()],
    ['forbidden', 'BUNDLE_UNAUTHORISED', (response) => fail(response, 403, 'DENIED')],
    ['a teapot', 'BUNDLE_REGISTRY_REFUSED', (response) => void response.writeHead(418).end('{"errors":[null]}')],
    [
      'a redirect to nowhere',
      'BUNDLE_REGISTRY_REFUSED',
      (response) => void response.writeHead(307, { location: 'http://' }).end(),
    ],
    [
      'a redirect to a file',
      'BUNDLE_REGISTRY_REFUSED',
      (response) => void response.writeHead(307, { location: 'file:///etc/passwd' }).end(),
    ],
  ])('about a chunk: %s', async (_, code, answer) => {
    await using registry = await OciRegistry.start();
    using fixture = await pushed(registry);
    onChunk(registry, answer, 99);
    expect((await refusedPull(fixture)).code).toContain(code);
  });

  it('with a Content-Length that promises more than comes', async () => {
    await using registry = await OciRegistry.start();
    using fixture = await pushed(registry);
    const short = (response: ServerResponse) => {
      response.writeHead(200, { 'content-length': '9' });
      response.write('pack', () => response.destroy());
    };
    onChunk(registry, short, 99);
    expect((await refusedPull(fixture)).code).toBe('BUNDLE_UNREACHABLE');
  });

  it('and redirects in a circle', async () => {
    await using registry = await OciRegistry.start();
    using fixture = await pushed(registry);
    onChunk(registry, (response, url) => void response.writeHead(307, { location: url }).end(), 99);
    expect((await refusedPull(fixture)).message).toMatch(/redirects more than 5 times/);
  });

  it('with chunks that were swapped', async () => {
    await using registry = await OciRegistry.start();
    using fixture = await pushed(registry);
    const keys = [...registry.blobs.keys()].filter((key) => registry.blobs.get(key)?.toString().startsWith('package'));
    const [first, second] = keys as [string, string];
    const [a, b] = [registry.blobs.get(first) as Buffer, registry.blobs.get(second) as Buffer];
    registry.blobs.set(first, b).set(second, a);
    expect((await refusedPull(fixture)).code).toBe('BUNDLE_DIGEST_MISMATCH');
  });

  type Json = {
    layers: Record<string, unknown>[];
    config: Record<string, unknown>;
    annotations: Record<string, string>;
    mediaType: string;
  };
  it.each<[string, string, (manifest: Json) => unknown]>([
    ['one layer fewer', 'BUNDLE_INVALID_MANIFEST', (manifest) => manifest.layers.pop()],
    [
      'another path',
      'BUNDLE_INVALID_MANIFEST',
      ({ layers: [layer] }) => Object.assign(layer?.annotations as object, { 'org.cloister.build-cache.path': '../x' }),
    ],
    [
      'a layer of another type',
      'BUNDLE_INVALID_MANIFEST',
      ({ layers: [layer] }) => Object.assign(layer as object, { mediaType: 'text/html' }),
    ],
    [
      'a digest that is a path',
      'BUNDLE_INVALID_MANIFEST',
      ({ layers: [layer] }) => Object.assign(layer as object, { digest: '../../secret' }),
    ],
    [
      'a negative size',
      'BUNDLE_INVALID_MANIFEST',
      ({ layers: [layer] }) => Object.assign(layer as object, { size: -1 }),
    ],
    [
      'a size of another layer',
      'BUNDLE_DIGEST_MISMATCH',
      ({ layers: [layer] }) => Object.assign(layer as object, { size: 8 }),
    ],
    [
      'a size of many terabytes',
      'BUNDLE_TOO_LARGE',
      ({ layers: [layer] }) => Object.assign(layer as object, { size: 2 ** 45 }),
    ],
    [
      'a chunk of another source',
      'BUNDLE_',
      ({ layers: [first, second] }) => Object.assign(first as object, { digest: second?.digest }),
    ],
    [
      'another producer',
      'BUNDLE_INVALID_MANIFEST',
      ({ annotations }) => Object.assign(annotations, { 'org.cloister.build-cache.producer': 'other' }),
    ],
    [
      'a config of another type',
      'BUNDLE_INVALID_MANIFEST',
      ({ config }) => Object.assign(config, { mediaType: 'application/json' }),
    ],
    ['a lockfile of many gigabytes', 'BUNDLE_TOO_LARGE', ({ config }) => Object.assign(config, { size: 2 ** 40 })],
    [
      'an index',
      'BUNDLE_INVALID_MANIFEST',
      (manifest) => Object.assign(manifest, { mediaType: 'application/vnd.oci.image.index.v1+json' }),
    ],
    ['no layers', 'BUNDLE_INVALID_MANIFEST', (manifest) => Object.assign(manifest, { layers: null })],
  ])('in the manifest: %s', async (_, code, change) => {
    await using registry = await OciRegistry.start();
    using fixture = await pushed(registry);
    const manifest = JSON.parse((registry.manifests.get(`${REPOSITORY}:latest`) as Buffer).toString());
    change(manifest);
    registry.manifests.set(`${REPOSITORY}:latest`, Buffer.from(JSON.stringify(manifest)));
    expect((await refusedPull(fixture)).code).toContain(code);
  });

  it.each(['no JSON', '[]', 'null', '{"__proto__":{"mediaType":"application/vnd.oci.image.manifest.v1+json"}}'])(
    'with a manifest that is %s',
    async (text) => {
      await using registry = await OciRegistry.start();
      using fixture = await pushed(registry);
      registry.manifests.set(`${REPOSITORY}:latest`, Buffer.from(text));
      expect((await refusedPull(fixture)).code).toBe('BUNDLE_INVALID_MANIFEST');
    },
  );

  it('about the manifest of a digest', async () => {
    await using registry = await OciRegistry.start();
    using fixture = await pushed(registry);
    const reference = `sha256:${'0'.repeat(64)}`;
    registry.manifests.set(`${REPOSITORY}:${reference}`, registry.manifests.get(`${REPOSITORY}:latest`) as Buffer);
    await expect(fixture.pull('pulled', { reference })).rejects.toMatchObject({ code: 'BUNDLE_DIGEST_MISMATCH' });
  });

  it('with a lockfile whose producer or root is another', async () => {
    await using registry = await OciRegistry.start();
    using fixture = await pushed(registry);
    const { lockfile } = (await fixture.push()).packed;
    const sources = lockfile.sources.slice(0, 2);
    for (const [code, lie] of [
      ['BUNDLE_WRONG_PRODUCER', { ...lockfile, meta: { ...lockfile.meta, producer: 'other' } }],
      ['BUNDLE_INVALID_LOCKFILE', { ...lockfile, root: '0'.repeat(64) }],
      ['BUNDLE_UNSUPPORTED_VERSION', { ...lockfile, meta: { ...lockfile.meta, schemaVersion: '9' } }],
      ['BUNDLE_INVALID_MANIFEST', { ...lockfile, sources, root: await rootOf(sources) }],
    ] as const) {
      const config = Buffer.from(encodeLockfile(lie));
      const manifest = JSON.parse((registry.manifests.get(`${REPOSITORY}:latest`) as Buffer).toString());
      manifest.config = { ...manifest.config, digest: await registry.hash(config), size: config.length };
      registry.blobs.set(`${REPOSITORY}@${manifest.config.digest}`, config);
      registry.manifests.set(`${REPOSITORY}:latest`, Buffer.from(JSON.stringify(manifest)));
      expect((await refusedPull(fixture)).code).toBe(code);
    }
  });

  it('by a tag that moves between two requests: a pull has one bundle or the other', async () => {
    await using registry = await OciRegistry.start();
    using fixture = await pushed(registry);
    const first = registry.manifests.get(`${REPOSITORY}:latest`) as Buffer;
    fixture.sources({ 'a.go': 'moved' });
    await fixture.push();
    const second = registry.manifests.get(`${REPOSITORY}:latest`) as Buffer;
    let turn = 0;
    registry.faults.push((request) => {
      if (request.url?.includes('/manifests/'))
        registry.manifests.set(`${REPOSITORY}:latest`, turn++ % 2 === 0 ? first : second);
      return false;
    });
    expect((await fixture.pull('one')).lockfile.sources).toHaveLength(3);
    expect((await fixture.pull('two')).lockfile.sources).toHaveLength(1);
  });

  it('by a tag that another push takes during ours', async () => {
    await using registry = await OciRegistry.start();
    using fixture = await pushed(registry);
    const other = registry.manifests.get(`${REPOSITORY}:latest`) as Buffer;
    fixture.sources({ 'a.go': 'ours' });
    registry.faults.push((request) => {
      const putTag = registry.count('PUT', '/manifests/latest') > 0;
      if (putTag && request.method === 'GET') registry.manifests.set(`${REPOSITORY}:latest`, other);
      return false;
    });
    registry.seen.length = 0;
    await expect(fixture.push()).rejects.toMatchObject({ code: 'BUNDLE_TAG_MOVED' });
  });
});

describe('a token', () => {
  const credentials = { kind: 'token', token: 'top-secret' } as const;
  const wantsToken: Fault = (request, response) => {
    if (request.headers.authorization === 'Bearer top-secret') return false;
    response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    return true;
  };

  it('goes to the registry, and not to where it redirects', async () => {
    await using registry = await OciRegistry.start();
    await using elsewhere = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    fixture.sources(three);
    registry.faults.push(wantsToken);
    await fixture.push({ credentials });
    for (const [name, blob] of registry.blobs) elsewhere.blobs.set(name, blob);
    registry.faults.push((request, response) => {
      if (request.method !== 'GET' || !request.url?.includes('/blobs/')) return false;
      response.writeHead(307, { location: `${elsewhere.url}${request.url}` }).end();
      return true;
    });
    registry.seen.length = 0;
    await fixture.pull('pulled', { credentials });
    expect(new Set(registry.seen.map(({ authorization }) => authorization))).toEqual(new Set(['Bearer top-secret']));
    expect(elsewhere.seen.length).toBe(4);
    expect(elsewhere.seen.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
  });

  it('does not go to an upload’s location on another host either', async () => {
    await using registry = await OciRegistry.start();
    await using elsewhere = await OciRegistry.start();
    elsewhere.faults.push(async (request, response) => {
      for await (const _ of request);
      response.writeHead(201).end();
      return true;
    });
    using fixture = bundleFixture(registry);
    fixture.sources(three);
    registry.faults.push((request, response) => {
      if (request.method !== 'POST') return false;
      response.writeHead(202, { location: `${elsewhere.url}/upload` }).end();
      return true;
    });
    await expect(fixture.push({ credentials })).rejects.toMatchObject({ code: 'BUNDLE_REGISTRY_REFUSED' });
    expect(elsewhere.seen.length).toBe(4);
    expect(elsewhere.seen.some(({ authorization }) => authorization !== undefined)).toBe(false);
  });

  it('is exchanged at the token server that the registry names', async () => {
    await using registry = await OciRegistry.start();
    await using server = await OciRegistry.start();
    server.faults.push((_, response) => {
      response.writeHead(200).end('{"token":"exchanged"}');
      return true;
    });
    registry.faults.push((request, response) => {
      if (request.headers.authorization === 'Bearer exchanged') return false;
      const challenge = `Bearer realm="${server.url}/token?a=b",service="the, registry",scope="repository:${REPOSITORY}:pull,push"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end();
      return true;
    });
    using fixture = bundleFixture(registry);
    fixture.sources(three);
    await fixture.push({ credentials });
    const [exchange] = server.seen;
    expect(new URL(exchange?.path as string, server.url).searchParams.get('service')).toBe('the, registry');
    expect(exchange?.authorization).toBe(`Basic ${Buffer.from('token:top-secret').toString('base64')}`);
    expect(server.seen).toHaveLength(1);
  });

  it('is kept from a token server on another host, unless that is allowed by name', async () => {
    await using registry = await OciRegistry.start();
    await using server = await OciRegistry.start();
    server.faults.push((request, response) => {
      response.writeHead(request.headers.authorization === undefined ? 401 : 200).end('{"access_token":"exchanged"}');
      return true;
    });
    registry.faults.push((request, response) => {
      if (request.headers.authorization === 'Bearer exchanged') return false;
      response.writeHead(401, { 'www-authenticate': `Bearer realm="http://auth.test:${server.port}/token"` }).end();
      return true;
    });
    const resolve = () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
    using fixture = bundleFixture(registry);
    fixture.sources(three);
    const refused = await fixture.push({ credentials, resolve }).catch((error) => error);
    expect(refused).toMatchObject({ code: 'BUNDLE_UNAUTHORISED' });
    expect(refused.message).toContain('--auth-host auth.test');
    expect(server.seen.every(({ authorization }) => authorization === undefined)).toBe(true);
    await fixture.push({ credentials, resolve, authHosts: ['auth.test'] });
  });

  it('becomes a password where a user is named', async () => {
    await using registry = await OciRegistry.start();
    const wanted = `Basic ${Buffer.from('me:top-secret').toString('base64')}`;
    registry.faults.push((request, response) => {
      if (request.headers.authorization === wanted) return false;
      response.writeHead(401, { 'www-authenticate': 'Basic realm="registry"' }).end();
      return true;
    });
    using fixture = bundleFixture(registry);
    fixture.sources(three);
    await fixture.push({ credentials: { kind: 'basic', user: 'me', password: 'top-secret' } });
    await expect(fixture.push({ credentials: { kind: 'basic', user: 'me', password: 'wrong' } })).rejects.toMatchObject(
      {
        code: 'BUNDLE_UNAUTHORISED',
      },
    );
  });

  it('stands in no error, whatever the registry answers', async () => {
    await using registry = await OciRegistry.start();
    registry.faults.push((request, response) => {
      const message = `no: ${request.headers.authorization}`;
      response.writeHead(403).end(JSON.stringify({ errors: [{ code: 'DENIED', message }] }));
      return true;
    });
    using fixture = bundleFixture(registry);
    for (const given of [credentials, { kind: 'basic', user: 'me', password: 'top-secret' } as const]) {
      const error = await fixture.pull('pulled', { credentials: given }).catch((thrown) => thrown);
      expect(error.code).toBe('BUNDLE_UNAUTHORISED');
      expect(JSON.stringify([error.message, error])).not.toContain('top-secret');
    }
  });

  it.each([
    ['redirects to', { location: 'http://x.Top-Secret.invalid/blob' }, 307],
    ['names as its token server', { 'www-authenticate': 'Bearer realm="http://top-secret.invalid/token"' }, 401],
  ])('stands in no error by the name of a host that a registry %s', async (_, headers, status) => {
    await using registry = await OciRegistry.start();
    registry.faults.push((_request, response) => {
      response.writeHead(status, headers).end();
      return true;
    });
    using fixture = bundleFixture(registry);
    const error = await fixture.pull('pulled', { credentials }).catch((thrown) => thrown);
    expect(error.code).toMatch(/^BUNDLE_(UNREACHABLE|UNAUTHORISED)$/);
    expect(error.message).toContain('[secret].invalid');
    expect(inspect(error, { depth: 10 }).toLowerCase()).not.toContain('top-secret');
  });
});

describe('addresses', () => {
  const resolve = (name: string) =>
    Promise.resolve([{ address: name === 'registry.test' ? '93.184.215.14' : '127.0.0.1', family: 4 }]);

  it.each([
    'http://127.0.0.1:1/x',
    'http://2130706433/x',
    'http://[::ffff:10.0.0.1]/x',
    'http://169.254.169.254/x',
    'http://inside.test/x',
  ])('a public registry may not send us to %s', async (location) => {
    const { AddressRule } = await import('../../../src/bundle/oci/address-rule.ts');
    const rule = new AddressRule(new URL('http://registry.test'), resolve);
    await expect(rule.addresses(new URL(location))).rejects.toMatchObject({ code: 'BUNDLE_FORBIDDEN_ADDRESS' });
  });

  it('a private one may, as whoever runs it is there already', async () => {
    const { AddressRule } = await import('../../../src/bundle/oci/address-rule.ts');
    const rule = new AddressRule(new URL('http://10.0.0.1:5000'), resolve);
    expect(await rule.addresses(new URL('http://127.0.0.1:1/x'))).toEqual([{ address: '127.0.0.1', family: 4 }]);
  });

  it('a name stays what it was when it was first resolved', async () => {
    const { AddressRule } = await import('../../../src/bundle/oci/address-rule.ts');
    const answers = ['93.184.215.14', '127.0.0.1'];
    const rule = new AddressRule(new URL('http://registry.test'), () =>
      Promise.resolve([{ address: answers.shift() ?? '127.0.0.1', family: 4 }]),
    );
    for (let look = 0; look < 3; look++) {
      expect(await rule.addresses(new URL('http://registry.test'))).toEqual([{ address: '93.184.215.14', family: 4 }]);
    }
  });

  it('a token is not sent over the internet in clear text', async () => {
    using fixture = bundleFixture({ url: 'http://registry.test' });
    fixture.sources(three);
    const credentials = { kind: 'token', token: 'top-secret' } as const;
    await expect(fixture.push({ credentials, resolve })).rejects.toMatchObject({ code: 'BUNDLE_INVALID_OPTION' });
  });
});

describe('verify', () => {
  const run = (registry: OciRegistry, fixture: BundleFixture, change = {}) =>
    verify({
      remote: { url: registry.url, scope: SCOPE, reference: 'latest', ...change },
      clock: fixture.clock,
      random: middle,
    });

  it('says that all is there, and of which producer', async () => {
    await using registry = await OciRegistry.start();
    using fixture = await pushed(registry);
    expect(await run(registry, fixture)).toMatchObject({ producer: 'mache', chunks: 3, checked: 3 });
  });

  it('asks for every chunk, reads a sample, or all', async () => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    fixture.sources(Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`f${index}`, `content ${index}`])));
    await fixture.push();
    registry.seen.length = 0;
    expect(await run(registry, fixture)).toMatchObject({ chunks: 40, checked: 16 });
    expect(registry.count('HEAD', '/blobs/')).toBe(24);
    expect(await run(registry, fixture, { full: true })).toMatchObject({ checked: 40 });
  });

  it('tells absent, damaged, unreachable and unauthorised apart', async () => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    const codeOf = () => run(registry, fixture).catch((error) => error.code);
    expect(await codeOf()).toBe('BUNDLE_NOT_FOUND');
    expect(registry.seen.map(({ path }) => path.split('/')[2])).toEqual(['mache', 'vivarium']);
    fixture.sources(three);
    await fixture.push();
    const key = [...registry.blobs.keys()].find(
      (name) => registry.blobs.get(name)?.toString() === 'package b',
    ) as string;
    const chunk = registry.blobs.get(key) as Buffer;
    registry.blobs.set(key, Buffer.from('package x'));
    expect(await codeOf()).toBe('BUNDLE_DIGEST_MISMATCH');
    registry.blobs.delete(key);
    expect(await codeOf()).toBe('BUNDLE_CHUNK_MISSING');
    registry.blobs.set(key, chunk);
    registry.faults.push((_, response) => {
      response.writeHead(401).end();
      return true;
    });
    expect(await codeOf()).toBe('BUNDLE_UNAUTHORISED');
    registry.faults[0] = (_, response) => {
      response.destroy();
      return true;
    };
    expect(await codeOf()).toBe('BUNDLE_UNREACHABLE');
  });
});
