import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, request as forward } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Proxies, proxiesOf } from '../../../src/bundle/oci/proxies.ts';
import { bundleFixture } from '../../support/bundle-fixture.ts';
import { OciRegistry } from '../../support/oci-registry.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const three = { 'a.go': 'package a', 'b.go': 'package b', 'sub/c.go': '' };

/** A proxy that reaches any name at 127.0.0.1, as names behind a proxy need not be known before it. */
async function startProxy() {
  const seen: string[] = [];
  const given: (string | undefined)[] = [];
  const server = createHttpServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    given.push(request.headers['proxy-authorization']);
    const url = new URL(request.url ?? '');
    const { method, headers } = request;
    const onward = forward(
      { host: '127.0.0.1', port: url.port, path: url.pathname + url.search, method, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    request.pipe(onward);
  });
  server.on('connect', (request, socket) => {
    seen.push(`CONNECT ${request.url}`);
    given.push(request.headers['proxy-authorization']);
    const onward = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    const end = () => {
      onward.destroy();
      socket.destroy();
    };
    onward.on('error', end);
    socket.on('error', end);
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    given,
    [Symbol.dispose]: () => void server.close().closeAllConnections(),
  };
}

/** The registry behind TLS, with a certificate for `registry.test` that only `ca` vouches for. */
async function behindTls(registry: OciRegistry, folder: ReturnType<typeof temporaryFolder>) {
  const [key, certificate] = [folder.at('key.pem'), folder.at('cert.pem')];
  const names = 'subjectAltName=DNS:registry.test,DNS:localhost';
  const args = [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=registry.test',
    '-addext',
    names,
  ];
  execFileSync('openssl', [...args, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  const ca = readFileSync(certificate, 'utf8');
  const server = createTlsServer({ key: readFileSync(key), cert: ca }, (request, response) => {
    const { method, headers, url: path } = request;
    const onward = forward({ host: '127.0.0.1', port: registry.port, path, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    request.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return { ca, port, [Symbol.dispose]: () => void server.close().closeAllConnections() };
}

describe('proxies', () => {
  it('lead to a registry whose name only they know, and get their password', async () => {
    await using registry = await OciRegistry.start();
    using proxy = await startProxy();
    using fixture = bundleFixture({ url: `http://registry.test:${registry.port}` });
    fixture.sources(three);
    const proxies = { http: proxy.url.replace('http://', 'http://user:pass@') };
    expect((await fixture.push({ proxies })).remote).toMatchObject({ sent: 4 });
    expect((await fixture.pull('pulled', { proxies })).fetched).toMatchObject({ fetched: 3 });
    expect(proxy.seen.length).toBeGreaterThan(8);
    expect(new Set(proxy.given)).toEqual(new Set([`Basic ${btoa('user:pass')}`]));
  });

  it('lead through a tunnel to a registry with TLS, whose authority is given', async () => {
    await using registry = await OciRegistry.start();
    using folder = temporaryFolder();
    using tls = await behindTls(registry, folder);
    using proxy = await startProxy();
    using fixture = bundleFixture({ url: `https://registry.test:${tls.port}` });
    fixture.sources(three);
    const proxies = { https: proxy.url };
    expect((await fixture.push({ proxies, ca: tls.ca })).remote).toMatchObject({ sent: 4 });
    expect(new Set(proxy.seen)).toEqual(new Set([`CONNECT registry.test:${tls.port}`]));
    await expect(fixture.push({ proxies })).rejects.toMatchObject({ code: 'BUNDLE_UNREACHABLE' });
  });

  it('are not needed for an authority that is given', async () => {
    await using registry = await OciRegistry.start();
    using folder = temporaryFolder();
    using tls = await behindTls(registry, folder);
    using fixture = bundleFixture({ url: `https://localhost:${tls.port}` });
    fixture.sources(three);
    expect((await fixture.push({ ca: tls.ca })).remote).toMatchObject({ sent: 4 });
    await expect(fixture.push()).rejects.toMatchObject({ code: 'BUNDLE_UNREACHABLE' });
  });

  it('are passed by for what NO_PROXY names', async () => {
    await using registry = await OciRegistry.start();
    using proxy = await startProxy();
    using fixture = bundleFixture(registry);
    fixture.sources(three);
    await fixture.push({ proxies: { http: proxy.url, none: 'other.test,127.0.0.0/8' } });
    expect(proxy.seen).toEqual([]);
  });

  it('do not lead a public registry’s redirects to a private address, nor a token over them in clear text', async () => {
    await using registry = await OciRegistry.start();
    using proxy = await startProxy();
    using fixture = bundleFixture({ url: `http://registry.test:${registry.port}` });
    fixture.sources(three);
    const proxies = { http: proxy.url };
    await fixture.push({ proxies });
    for (const inside of ['10.0.0.1', '[::1]', 'localhost', '169.254.169.254']) {
      registry.faults.push((_, response) => {
        response.writeHead(307, { location: `http://${inside}/` }).end();
        return true;
      });
      await expect(fixture.pull('pulled', { proxies })).rejects.toMatchObject({ code: 'BUNDLE_FORBIDDEN_ADDRESS' });
      registry.faults.length = 0;
    }
    const credentials = { kind: 'token', token: 'secret' } as const;
    await expect(fixture.pull('other', { proxies, credentials })).rejects.toMatchObject({
      code: 'BUNDLE_INVALID_OPTION',
    });
  });

  it.each<[string, string, boolean]>([
    ['*', 'https://a.test', false],
    ['', 'https://a.test', true],
    ['a.test', 'https://a.test', false],
    ['a.test', 'https://b.a.test', false],
    ['.a.test', 'https://b.a.test', false],
    ['*.a.test', 'https://b.a.test', false],
    ['a.test', 'https://ba.test', true],
    ['A.Test b.test', 'https://a.test', false],
    ['a.test:444', 'https://a.test', true],
    ['a.test:443', 'https://a.test', false],
    ['10.0.0.0/8', 'https://10.1.2.3', false],
    ['10.0.0.0/8', 'https://11.1.2.3', true],
    ['fd00::/8', 'https://[fd12::1]', false],
    ['[::1]:5000', 'https://[::1]:5000', false],
    ['::1', 'https://[::1]:5000', false],
    ['0.1', 'https://10.0.0.1', true],
    ['10.0.0.0/99', 'https://10.0.0.1', true],
  ])('NO_PROXY %s: is %s reached through one? %s', (none, url, through) => {
    const proxies = new Proxies({ https: 'proxy.test:3128', none });
    expect(proxies.for(new URL(url))?.href).toBe(through ? 'http://proxy.test:3128/' : undefined);
  });

  it('come from the environment, small letters first', () => {
    expect(proxiesOf({ HTTPS_PROXY: 'a', https_proxy: 'b', NO_PROXY: 'c', HTTP_PROXY: '' })).toEqual({
      https: 'b',
      none: 'c',
    });
    expect(() => new Proxies({ https: 'socks5://user:secret@proxy' })).toThrow(/HTTPS_PROXY is not a proxy/);
    expect(() => new Proxies({ https: 'socks5://user:secret@proxy' })).not.toThrow(/secret/);
  });
});
