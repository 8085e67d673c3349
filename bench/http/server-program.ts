// A server in a process of its own, which tells its parent the port and, when asked, its processor time or that of a round of its event loop. Arguments: those of `served` in servers.ts.
import { createServer, type RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { withHello } from './hello.ts';
import { observing } from './observing.ts';
import { longestRound } from './rounds.ts';
import { type Misbehaviour, OTHER_PATH, serveTenants } from './tenants-server.ts';
import { tracedByHand } from './traced-by-hand.ts';

const [kind, more = ''] = process.argv.slice(2);
process.on('message', async (asked) => {
  const { user, system } = process.cpuUsage();
  process.send?.(asked === 'rounds' ? { ms: await longestRound() } : { ms: (user + system) / 1_000 });
});

const told = (port: number): void => void process.send?.({ port });

if (kind === 'node') {
  if (more !== '') await observing(Number(more));
  const answer: RequestListener = (request, response) => {
    // A flooded tenant is refused at once, which is the least that a server can do for it.
    if (request.url === OTHER_PATH) response.writeHead(503, { 'retry-after': '1', 'content-length': '0' }).end();
    else response.end('hello');
  };
  const server = createServer(more === '' ? answer : tracedByHand());
  server.listen(0, '127.0.0.1', () => told((server.address() as AddressInfo).port));
} else if (kind === 'tenants') {
  told(await serveTenants(more as Misbehaviour));
} else if (kind === 'fastify') {
  const { fastify } = createRequire(`${more}/`)('fastify') as { readonly fastify: () => Fastify };
  const server = fastify();
  server.get('/', async () => 'hello');
  await server.listen({ port: 0, host: '127.0.0.1' });
  told((server.server.address() as AddressInfo).port);
} else {
  const options = more === '' ? {} : await observing(more === 'metrics' ? undefined : Number(more));
  await withHello({ store: kind === 'per-actor' ? 'per-actor' : 'per-call' }, options, (port) => {
    told(port);
    return new Promise(() => {});
  });
}

interface Fastify {
  readonly server: { address(): unknown };
  get(path: string, answer: () => Promise<string>): void;
  listen(at: { readonly port: number; readonly host: string }): Promise<string>;
}
