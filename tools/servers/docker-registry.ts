import { execFileSync, spawn } from 'node:child_process';
import { createSign, randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answering } from './answering.ts';
import { freePort } from './free-port.ts';

/** A real registry (Debian's docker-registry) on a free loopback port, with its own storage. */
export interface DockerRegistry extends AsyncDisposable {
  readonly url: string;
  readonly host: string;
  /** Its storage, as docker-registry lays it out. */
  readonly folder: string;
}

export interface DockerRegistryOptions {
  /** Wants the name `test` and the password `secret`. */
  readonly basic?: boolean;
  /** Wants a bearer token of a token server, which gives one to those who have this password. */
  readonly tokenPassword?: string;
}

/** What `htpasswd -nbB test secret` gives. */
const HTPASSWD = 'test:$2y$05$.QlvaolzbcjJu.gDxg46y.ysBtoDnK7GKL8KkwKVfO4P6P5AjDNxK\n';

export function hasProgram(name: string): boolean {
  try {
    execFileSync('which', [name], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export async function startDockerRegistry(options: DockerRegistryOptions = {}): Promise<DockerRegistry> {
  const work = mkdtempSync(join(tmpdir(), 'vivarium-registry-'));
  const folder = join(work, 'storage');
  mkdirSync(folder);
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const closers: (() => Promise<void>)[] = [];
  let auth = '';
  if (options.basic === true) {
    writeFileSync(join(work, 'htpasswd'), HTPASSWD);
    auth = `auth: { htpasswd: { realm: test, path: ${join(work, 'htpasswd')} } }`;
  }
  if (options.tokenPassword !== undefined) {
    const server = await startTokenServer(work, options.tokenPassword);
    closers.push(server.close);
    auth = `auth: { token: { realm: '${server.realm}', service: test-registry, issuer: test-issuer, rootcertbundle: ${join(work, 'cert.pem')} } }`;
  }
  writeFileSync(
    join(work, 'config.yml'),
    `version: 0.1
log: { level: error }
storage: { filesystem: { rootdirectory: ${folder} }, delete: { enabled: true } }
http: { addr: '${host}' }
${auth}
`,
  );
  const child = spawn('docker-registry', ['serve', join(work, 'config.yml')], { stdio: 'ignore' });
  await answering(`http://${host}/v2/`, child, (status) => status === 200 || status === 401);
  return {
    url: `http://${host}`,
    host,
    folder,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await Promise.all(closers.map((close) => close()));
      rmSync(work, { recursive: true, force: true });
    },
  };
}

/** The token server of distribution's token protocol: whoever has the password gets what the scope asks for. */
async function startTokenServer(
  work: string,
  password: string,
): Promise<{ realm: string; close: () => Promise<void> }> {
  const [key, certificate] = [join(work, 'key.pem'), join(work, 'cert.pem')];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      key,
      '-out',
      certificate,
      '-days',
      '2',
      '-subj',
      '/CN=test',
    ],
    {
      stdio: 'ignore',
    },
  );
  const privateKey = readFileSync(key);
  const der = readFileSync(certificate, 'utf8').replaceAll(/-----[^-]+-----|\s/g, '');
  const server = createServer((request, response) => {
    const [, encoded = ''] = (request.headers.authorization ?? '').split(' ');
    const given = Buffer.from(encoded, 'base64').toString().split(':')[1];
    if (given !== password) {
      response.writeHead(401).end('{"errors":[{"code":"UNAUTHORIZED","message":"wrong password"}]}');
      return;
    }
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const access = searchParams.getAll('scope').flatMap((scope) => {
      const [type, name, actions = ''] = scope.split(':');
      return [{ type, name, actions: actions.split(',') }];
    });
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: 'test-issuer',
      aud: searchParams.get('service'),
      sub: '',
      exp: now + 300,
      nbf: now - 10,
      iat: now,
      jti: randomUUID(),
      access,
    };
    const head = Buffer.from(JSON.stringify({ typ: 'JWT', alg: 'RS256', x5c: [der] })).toString('base64url');
    const body = Buffer.from(JSON.stringify(claims)).toString('base64url');
    const signature = createSign('RSA-SHA256').update(`${head}.${body}`).sign(privateKey).toString('base64url');
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ token: `${head}.${body}.${signature}` }));
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    realm: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    close: () => new Promise((resolve) => void server.close(() => resolve()).closeAllConnections()),
  };
}
