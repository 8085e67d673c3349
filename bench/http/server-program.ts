// A server in a process of its own, which tells its parent the port. Argument: what serves, as `Kind` of servers.ts; for `fastify` also its folder.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { withHello } from './hello.ts';

const [kind, folder = '.'] = process.argv.slice(2);
const told = (port: number): void => void process.send?.({ port });

if (kind === 'node') {
  const server = createServer((_, response) => void response.end('hello'));
  server.listen(0, '127.0.0.1', () => told((server.address() as AddressInfo).port));
} else if (kind === 'fastify') {
  const { fastify } = createRequire(`${folder}/`)('fastify') as { readonly fastify: () => Fastify };
  const server = fastify();
  server.get('/', async () => 'hello');
  await server.listen({ port: 0, host: '127.0.0.1' });
  told((server.server.address() as AddressInfo).port);
} else {
  await withHello({ store: kind === 'per-actor' ? 'per-actor' : 'per-call' }, {}, (port) => {
    told(port);
    return new Promise(() => {});
  });
}

interface Fastify {
  readonly server: { address(): unknown };
  get(path: string, answer: () => Promise<string>): void;
  listen(at: { readonly port: number; readonly host: string }): Promise<string>;
}
