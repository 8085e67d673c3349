// What the host answers itself, in front of components, over real connections.
import { once } from 'node:events';
import { request as send } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { answeringAll, HttpServer, healthRoutes, InternalRoutes } from '#server';

async function scene(internal: InternalRoutes) {
  const answer = answeringAll(({ url }) => new Response(`component ${new URL(url).pathname}`));
  const server = new HttpServer(answer, { port: 0, internal });
  const { url } = await server.listen();
  onTestFinished(() => server.drain(0));
  const port = Number(new URL(url).port);
  const get = async (path: string, init: RequestInit = {}): Promise<[number, string]> => {
    const response = await fetch(`${url}${path}`, init);
    return [response.status, await response.text()];
  };
  return { url, port, get };
}

const hello = () => new Response('internal');

it('precede components, by method and pattern', async () => {
  const { get, url } = await scene(
    new InternalRoutes({
      routes: [
        { method: 'GET', path: '/-/hello', handler: hello },
        {
          method: 'POST',
          path: '/actors/:namespace/:name/:instance',
          handler: async (request, { params, clientAddress }) =>
            Response.json({ ...params, clientAddress, body: await request.text() }),
        },
        { method: '*', path: '/-/files/*', handler: (request) => new Response(request.method) },
      ],
    }),
  );
  expect(await get('/-/hello')).toEqual([200, 'internal']);
  expect(await get('/-/hello', { method: 'HEAD' })).toEqual([200, '']);
  expect(await get('/x/../-/hello')).toEqual([200, 'internal']);
  const [, told] = await get('/actors/demo/a%2Fb/1', { method: 'POST', body: 'hi' });
  expect(JSON.parse(told)).toEqual({
    namespace: 'demo',
    name: 'a/b',
    instance: '1',
    clientAddress: '127.0.0.1',
    body: 'hi',
  });
  expect(await get('/-/files/a/b', { method: 'DELETE' })).toEqual([200, 'DELETE']);
  const wrong = await fetch(`${url}/-/hello`, { method: 'PUT' });
  expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET']);
});

it('keep all paths below /-/ from components, and leave them all others', async () => {
  const { get } = await scene(new InternalRoutes({ routes: [{ method: 'GET', path: '/-/a', handler: hello }] }));
  expect(await get('/-/b')).toEqual([404, '']);
  expect(await get('/-/')).toEqual([404, '']);
  expect(await get('/-')).toEqual([200, 'component /-']);
  expect(await get('/a')).toEqual([200, 'component /a']);
});

it('of a scope ask who may use them, and do not exist where nobody can tell', async () => {
  const routes = [{ method: 'GET', path: '/-/secret', scope: 'read', handler: hello }];
  const open = await scene(new InternalRoutes({ routes }));
  expect(await open.get('/-/secret')).toEqual([404, '']);
  const guarded = await scene(
    new InternalRoutes({
      routes,
      authorize: ({ headers }, scope) =>
        headers.get('authorization') === `Bearer ${scope}` ? undefined : new Response('no', { status: 401 }),
    }),
  );
  expect(await guarded.get('/-/secret')).toEqual([401, 'no']);
  expect(await guarded.get('/-/secret', { headers: { authorization: 'Bearer read' } })).toEqual([200, 'internal']);
});

it('that fail are answered with an error that does not show its text', async () => {
  const fails = () => {
    throw new Error('secret');
  };
  const { get } = await scene(new InternalRoutes({ routes: [{ method: 'GET', path: '/-/a', handler: fails }] }));
  const [status, body] = await get('/-/a');
  expect(status).toBe(500);
  expect(body).not.toContain('secret');
});

it('may take a connection over, once they may, and leave requests to upgrade to others', async () => {
  const { port } = await scene(
    new InternalRoutes({
      upgrades: [
        {
          path: '/-/echo/:name',
          scope: 'socket',
          handler: (_, socket, head, { params }) => {
            socket.write(
              `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n${params.name}`,
            );
            socket.write(head);
            socket.pipe(socket);
          },
        },
      ],
      authorize: ({ headers }) => (headers.has('x-may') ? undefined : new Response(null, { status: 403 })),
    }),
  );
  const upgrading = (path: string, headers: Record<string, string> = {}) => {
    const sent = send({ port, path, headers: { connection: 'upgrade', upgrade: 'echo', ...headers } });
    sent.end();
    return sent;
  };
  const [, socket, head] = await once(upgrading('/-/echo/ann', { 'x-may': '1' }), 'upgrade');
  socket.end('more');
  expect(String(head) + (await text(socket))).toBe('annmore');
  const [refused] = await once(upgrading('/-/echo/ann'), 'response');
  expect(refused.statusCode).toBe(403);
  const [other] = await once(upgrading('/else'), 'response');
  expect([other.statusCode, await text(other)]).toEqual([200, 'component /else']);
  const raw = connect({ port, host: '127.0.0.1' });
  raw.write('GET /-/echo/a HTTP/1.1\r\nHost: a/b\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n');
  expect(await text(raw)).toMatch(/^HTTP\/1\.1 400 /);
});

it('tell an orchestrator whether the server lives and wants requests', async () => {
  let ready = true;
  const { get } = await scene(new InternalRoutes({ routes: healthRoutes(() => ready) }));
  expect([await get('/-/health'), await get('/-/ready')]).toEqual([
    [200, 'ok\n'],
    [200, 'ready\n'],
  ]);
  ready = false;
  expect([await get('/-/health'), await get('/-/ready')]).toEqual([
    [200, 'ok\n'],
    [503, 'not ready\n'],
  ]);
});
