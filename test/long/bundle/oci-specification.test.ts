import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { bundleFixture, REPOSITORY } from '../../support/bundle-fixture.ts';
import { OciRegistry } from '../../support/oci-registry.ts';

const three = { 'a.go': 'package a', 'b.go': 'package b', 'sub/c.go': '' };
/** The client sends in pieces of 16 MiB what is larger: this goes in two, and takes half of the time of three. */
const large = largeOf(17);
const token = { kind: 'token', token: 'password' } as const;

function largeOf(mebibytes: number) {
  return { large: Buffer.alloc(mebibytes * 2 ** 20, 'piece by piece') };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return (server.address() as AddressInfo).port;
}

/** A token server that first gives the answers of `failures`. */
async function tokenServer(failures: readonly number[] = []) {
  const left = [...failures];
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(request.headers.authorization);
    const status = left.shift();
    if (status !== undefined) response.writeHead(status, { 'retry-after': '1' }).end();
    else response.end(JSON.stringify({ token: 'given' }));
  });
  const realm = `http://127.0.0.1:${await listen(server)}/token`;
  return { realm, asked, [Symbol.asyncDispose]: async () => void server.close().closeAllConnections() };
}

/** Makes a registry want the token `given`, and say how by `challenge`. */
function guard(registry: OciRegistry, challenge: string | string[]): void {
  registry.faults.push((request, response) => {
    if (request.headers.authorization === 'Bearer given') return false;
    response.writeHead(401, { 'www-authenticate': challenge }).end();
    return true;
  });
}

describe('authentication', () => {
  it.each<[string, (bearer: string) => string | string[]]>([
    ['Negotiate first', (bearer) => ['Negotiate', bearer]],
    ['Negotiate with a credential, in the same header', (bearer) => `Negotiate YWJj==, ${bearer}`],
    ['Basic first, in the same header', (bearer) => `Basic realm="r", ${bearer}`],
    ['Basic first, in a header of its own', (bearer) => ['Basic realm="r"', bearer]],
    ['Bearer first', (bearer) => [bearer, 'Basic realm="r"']],
    ['a Bearer that names no token server before one that does', (bearer) => `Bearer error="x", Digest a=b, ${bearer}`],
  ])('chooses the token server with %s', async (_, challenge) => {
    await using registry = await OciRegistry.start();
    await using server = await tokenServer();
    guard(registry, challenge(`Bearer realm="${server.realm}",service="r",scope="repository:x:pull,push"`));
    using fixture = bundleFixture(registry);
    fixture.sources(three);
    expect((await fixture.push({ credentials: token })).remote).toMatchObject({ sent: 4 });
  });

  it('says which schemes it does not know', async () => {
    await using registry = await OciRegistry.start();
    guard(registry, ['Negotiate', 'Digest realm="r"']);
    using fixture = bundleFixture(registry);
    fixture.sources(three);
    const pushed = fixture.push({ credentials: token });
    await expect(pushed).rejects.toMatchObject({ code: 'BUNDLE_UNAUTHORISED' });
    await expect(pushed).rejects.toThrow(/negotiate.*digest/);
  });

  it.each([429, 500, 503])('asks a token server again that answers %i', async (status) => {
    await using registry = await OciRegistry.start();
    await using server = await tokenServer([status, status]);
    guard(registry, `Bearer realm="${server.realm}"`);
    using fixture = bundleFixture(registry);
    fixture.sources(three);
    expect((await fixture.push({ credentials: token })).remote).toMatchObject({ sent: 4 });
    expect(server.asked.length).toBeGreaterThanOrEqual(3);
  });

  it('gives up on a token server that stays down, and says so', async () => {
    await using registry = await OciRegistry.start();
    await using server = await tokenServer(Array.from({ length: 100 }, () => 503));
    guard(registry, `Bearer realm="${server.realm}"`);
    using fixture = bundleFixture(registry);
    fixture.sources(three);
    await expect(fixture.push({ credentials: token })).rejects.toMatchObject({ code: 'BUNDLE_UNREACHABLE' });
  });
});

describe('uploads', () => {
  it.each([
    [0, 33, 3],
    [1, 17, 2],
    [20 * 2 ** 20, 33, 2],
    [2 ** 40, 17, 0],
  ])('are in pieces of at least %i bytes where the registry says so: %i MiB', async (least, mebibytes, count) => {
    await using registry = await OciRegistry.start({ chunkMinLength: least });
    const pieces: number[] = [];
    registry.faults.push(({ method, headers }) => {
      if (method === 'PATCH') pieces.push(Number(headers['content-length']));
      return false;
    });
    using fixture = bundleFixture(registry);
    fixture.sources(largeOf(mebibytes));
    await fixture.push();
    expect(pieces.slice(0, -1).every((piece) => piece >= least)).toBe(true);
    expect(pieces).toHaveLength(count);
    expect((await fixture.pull('pulled')).fetched).toMatchObject({ fetched: 1 });
  });

  it('go on where the registry is, after a 416', async () => {
    await using registry = await OciRegistry.start();
    let refusals = 2;
    registry.faults.push(({ method }, response) => {
      if (method !== 'PATCH' || refusals-- <= 0) return false;
      response.writeHead(416).end();
      return true;
    });
    using fixture = bundleFixture(registry);
    fixture.sources(large);
    expect((await fixture.push()).remote).toMatchObject({ sent: 2 });
    expect((await fixture.pull('pulled')).fetched).toMatchObject({ fetched: 1 });
  });

  it.each(['state=x', "a='b'&c=%2f%2F~!*()", 'x=1+2%20&y=;z', '_state=a%3Db%26', 'empty&&=', ''])(
    'go to the place that the registry gave, with the query as it came: %s',
    async (uploadQuery) => {
      await using registry = await OciRegistry.start({ uploadQuery });
      using fixture = bundleFixture(registry);
      fixture.sources({ ...three, ...(uploadQuery === 'state=x' && large) });
      await fixture.push();
      const sent = registry.seen.filter(({ method, path }) => /^P(ATCH|UT)$/.test(method) && path.includes('uploads'));
      expect(sent.length).toBeGreaterThan(3);
      for (const { method, path } of sent) {
        const query = path.slice(path.indexOf('?') + 1);
        const digest = method === 'PUT' ? /&?digest=sha256%3A[0-9a-f]{64}$/.exec(query)?.[0] : '';
        expect(query).toBe(uploadQuery + digest);
      }
    },
  );

  it.each([307, 308])('follow a %i with their bodies, and without the token to another host', async (status) => {
    await using storage = await OciRegistry.start();
    await using registry = await OciRegistry.start();
    registry.faults.push((request, response) => {
      if (!/^(POST|PUT|PATCH)$/.test(request.method ?? '')) return false;
      request.resume();
      response.writeHead(status, { location: `http://localhost:${storage.port}${request.url}` }).end();
      return true;
    });
    // Reads come from where the writes went.
    registry.faults.push((request, response) => {
      response.writeHead(307, { location: `http://localhost:${storage.port}${request.url}` }).end();
      return true;
    });
    using fixture = bundleFixture(registry);
    fixture.sources({ ...three, ...large });
    expect((await fixture.push({ credentials: token })).remote).toMatchObject({ sent: 5 });
    expect((await fixture.pull('pulled', { credentials: token })).fetched).toMatchObject({ fetched: 4 });
    expect(registry.seen.every(({ authorization }) => authorization === 'Bearer password')).toBe(true);
    expect(storage.seen.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
  });

  it('do not follow a redirect that would make another request of them, nor one without end', async () => {
    for (const [status, code] of [
      [302, 'BUNDLE_REGISTRY_REFUSED'],
      [307, 'BUNDLE_REGISTRY_REFUSED'],
    ] as const) {
      await using registry = await OciRegistry.start();
      registry.faults.push((request, response) => {
        if (request.method !== 'POST') return false;
        response.writeHead(status, { location: request.url ?? '' }).end();
        return true;
      });
      using fixture = bundleFixture(registry);
      fixture.sources(three);
      await expect(fixture.push()).rejects.toMatchObject({ code });
    }
  });
});

describe('downloads', () => {
  it('begin again where a server cannot give the rest', async () => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    const { large } = largeOf(3);
    fixture.sources({ large });
    await fixture.push();
    let cut = false;
    registry.faults.push((request, response) => {
      if (request.method !== 'GET' || !request.url?.includes('blobs/')) return false;
      if (request.headers.range !== undefined) response.writeHead(416).end();
      else if (!cut && request.url.includes('blobs/') && registry.count('GET', '/blobs/') > 1) {
        cut = true;
        response.writeHead(200, { 'content-length': String(large.length) });
        response.write(large.subarray(0, 2 ** 20), () => response.destroy());
      } else return false;
      return true;
    });
    registry.seen.length = 0;
    expect((await fixture.pull('pulled')).fetched).toMatchObject({ fetched: 1 });
    expect(cut).toBe(true);
  });
});

describe('a base with a path', () => {
  it.each(['/prefix', '/two/parts'])('is what comes before /v2/: %s', async (base) => {
    await using registry = await OciRegistry.start({ base });
    using fixture = bundleFixture({ url: `${registry.url}${base}/` });
    fixture.sources({ ...three, ...large });
    await fixture.push();
    expect(registry.seen.every(({ path }) => path.startsWith(`${base}/v2/${REPOSITORY}/`))).toBe(true);
    expect((await fixture.pull('pulled')).fetched).toMatchObject({ fetched: 4 });
  });

  it('serves a provider that answers as if it stood at the root', async () => {
    await using registry = await OciRegistry.start();
    registry.faults.push((request, response) => {
      if (request.url?.startsWith('/prefix/v2/')) {
        request.url = request.url.slice('/prefix'.length);
        return false;
      }
      response.writeHead(404).end();
      return true;
    });
    using fixture = bundleFixture({ url: `${registry.url}/prefix` });
    fixture.sources(three);
    expect((await fixture.push()).remote).toMatchObject({ sent: 4 });
  });
});

describe('a registry that has lost a blob', () => {
  const many = Object.fromEntries(Array.from({ length: 80 }, (_, index) => [`${index}.go`, `package p${index}`]));

  it.each([
    ['few, asked for one by one', three, {}],
    ['many, which it lists', many, { listsUnknown: true }],
    ['many, of which it tells one', many, {}],
    ['many, by a registry that takes any manifest', many, { takesAll: true }],
  ])('is sent it again: %s', async (_, sources, options) => {
    await using registry = await OciRegistry.start(options);
    using fixture = bundleFixture(registry);
    fixture.sources(sources);
    await fixture.push();
    const tags = [...registry.manifests.keys()];
    expect((await fixture.push()).remote).toMatchObject({ sent: 0, unchanged: true });
    const lost = [...registry.blobs.keys()].filter((_, index) => index % 2 === 1);
    for (const digest of lost) registry.blobs.delete(digest);
    registry.seen.length = 0;
    expect((await fixture.push()).remote).toMatchObject({ sent: lost.length, unchanged: false });
    await fixture.pull('pulled');
    // What was only asked left nothing behind.
    expect([...registry.manifests.keys()].toSorted()).toEqual(tags.toSorted());
    if ('listsUnknown' in options) expect(registry.count('HEAD', '/blobs/')).toBe(0);
    else expect(registry.count('HEAD', '/blobs/')).toBe(Object.keys(sources).length + 1);
  });
});
