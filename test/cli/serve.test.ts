import { on, once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { newToken } from '#server/management';
import { main } from '../../src/cli/index.ts';
import { actor } from '../../tools/components/actor-wat.ts';
import { helloHandler } from '../../tools/components/hello-handler.ts';
import { homeIn } from '../support/home-in.ts';
import { viv } from './viv.ts';

let folder: string;
const home = process.env.VIVARIUM_HOME;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-serve-'));
  process.env.VIVARIUM_HOME = homeIn(folder);
  await writeFile(join(folder, 'hello.wasm'), await helloHandler());
  await writeFile(join(folder, 'shop.wasm'), await helloHandler('the shop'));
});
afterAll(async () => {
  if (home === undefined) delete process.env.VIVARIUM_HOME;
  else process.env.VIVARIUM_HOME = home;
  await rm(folder, { recursive: true });
});

describe('viv serve', () => {
  it('answers with the component of each route until it is told to end, and drains', async () => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const args = [
      'serve',
      join(folder, 'hello.wasm'),
      '--route',
      `/shop=${join(folder, 'shop.wasm')}`,
      '--addr',
      '127.0.0.1:0',
    ];
    const done = main([...args, '--watch', '--json'], { stdin: Readable.from([]), stdout, stderr });
    const [line] = (await new Promise<Buffer>((resolve) => stdout.once('data', resolve))).toString().split('\n');
    const { event, url } = JSON.parse(line as string) as { event: string; url: string };
    expect(event).toBe('listening');
    const get = async (path: string): Promise<string> => (await fetch(`${url}${path}`)).text();
    expect(await Promise.all([get('/'), get('/shop/cart'), get('/shopping')])).toEqual(['hello', 'the shop', 'hello']);
    await writeFile(join(folder, 'shop.wasm'), 'no component');
    let told = '';
    stdout.on('data', (piece) => {
      told += String(piece);
    });
    await expect.poll(() => told).toContain('"event":"kept"');
    expect(await get('/shop')).toBe('the shop');
    await writeFile(join(folder, 'shop.wasm'), await helloHandler('the new shop'));
    await expect.poll(() => get('/shop')).toBe('the new shop');
    process.emit('SIGTERM');
    expect(await done).toBe(0);
    await expect(fetch(url)).rejects.toThrow();
  });

  it('passes on what a middleware does not answer to the component that --next names', async () => {
    const middleware = 'test/toolchains/components/rust-middleware.wasm';
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const args = ['serve', middleware, '--next', `${middleware}=${join(folder, 'hello.wasm')}`];
    const done = main([...args, '--addr', '127.0.0.1:0', '--json'], { stdin: Readable.from([]), stdout, stderr });
    const [line] = (await new Promise<Buffer>((resolve) => stdout.once('data', resolve))).toString().split('\n');
    const response = await fetch((JSON.parse(line as string) as { url: string }).url);
    expect([await response.text(), response.headers.get('x-middleware')]).toEqual(['hello', expect.any(String)]);
    process.emit('SIGTERM');
    expect(await done).toBe(0);
  });

  it.each([
    ['a.wasm', 'write a middleware and its next component'],
    ['=b.wasm', 'write a middleware and its next component'],
    ['a.wasm=', 'write a middleware and its next component'],
    ['a.wasm=a.wasm', 'come back to it'],
    ['x.wasm=hello.wasm', 'leads to x.wasm'],
  ])('refuses --next %s before it serves', async (next, message) => {
    expect(await viv(['serve', 'a.wasm', '--next', next, '--json'])).toMatchObject({
      code: 2,
      objects: [{ error: { code: 'CLI_USAGE', message: expect.stringContaining(message) } }],
    });
  });

  it('builds the folder of a project, again on each change, and keeps what runs where that cannot be built', async () => {
    const project = join(folder, 'site');
    await viv(['new', project, '--template', 'handler']);
    expect(await viv(['serve', project, '--json'])).toMatchObject({
      code: 2,
      objects: [{ error: { code: 'CLI_USAGE', message: expect.stringContaining('add --watch') } }],
    });
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    let [told, printed] = ['', ''];
    stdout.on('data', (piece) => {
      told += String(piece);
    });
    stderr.on('data', (piece) => {
      printed += String(piece);
    });
    const args = ['serve', project, '--watch', '--addr', '127.0.0.1:0', '--timeout', '20s'];
    const done = main(args, { stdin: Readable.from([]), stdout, stderr });
    await expect.poll(() => told).toContain('listening on ');
    const [url = ''] = /http:\S+/.exec(told) ?? [];
    const get = async (): Promise<string> => (await fetch(url)).text();
    const source = (text: string): string => `export default { fetch: () => new Response(${text}) };`;
    expect(await get()).toBe('{"hello":"world"}');
    await writeFile(join(project, 'src/actor.ts'), 'export default {');
    await expect.poll(() => printed).toMatch(/\[failed\] .*site stays as it is: .*actor\.ts:1:/);
    await writeFile(join(project, 'src/actor.ts'), source('5 as Date'));
    await expect.poll(() => printed).toContain("Conversion of type 'number' to type 'Date'");
    expect(await get()).toBe('{"hello":"world"}');
    await writeFile(join(project, 'src/actor.ts'), source("'changed'"));
    await expect.poll(get).toBe('changed');
    process.emit('SIGTERM');
    expect(await done).toBe(0);
  });

  it('does what a configuration says, again at each SIGHUP, and goes on where that is broken', async () => {
    const file = join(folder, 'vivarium.toml');
    const route = (component: string, path: string): string =>
      `[components.${component}]\nsource = "${component}.wasm"\n[[routes]]\ncomponent = "${component}"\npaths = ["${path}"]\n`;
    await writeFile(join(folder, 'second.wasm'), await helloHandler('second'));
    await writeFile(file, `[server]\nlisten = "127.0.0.1:0"\nmetrics = "open"\n${route('hello', '/a')}`);
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    let printed = '';
    stdout.on('data', (piece) => {
      printed += String(piece);
    });
    const done = main(['serve', file, '--json'], { stdin: Readable.from([]), stdout, stderr });
    await expect.poll(() => printed).toContain('listening');
    const { url } = JSON.parse(printed.split('\n')[0] as string) as { url: string };
    const get = async (path: string): Promise<string | number> => {
      const response = await fetch(`${url}${path}`);
      return response.ok ? response.text() : response.status;
    };
    expect([await get('/a'), await get('/b')]).toEqual(['hello', 404]);
    expect(await get('/-/metrics')).toContain(
      'vivarium_http_requests_total{component="local/hello/1",method="GET",code="2xx"} 1\n',
    );
    await writeFile(file, 'nonsense');
    process.emit('SIGHUP');
    await expect.poll(() => printed).toContain('"event":"reload-failed"');
    expect(await get('/a')).toBe('hello');
    await writeFile(file, route('second', '/b'));
    process.emit('SIGHUP');
    await expect.poll(() => printed).toContain('reloaded');
    expect([await get('/a'), await get('/b')]).toEqual([404, 'second']);
    process.emit('SIGTERM');
    expect(await done).toBe(0);
  });

  it('has WebSockets for everybody, and management at an address of its own', async () => {
    const { token, hash } = newToken();
    const file = join(folder, 'sockets.toml');
    await writeFile(join(folder, 'echo.wasm'), await actor());
    const lines = [
      '[server]',
      'listen = "127.0.0.1:0"',
      '[management]',
      'listen = "127.0.0.1:0"',
      '[components.echo]',
      'source = "echo.wasm"',
      '[components.hello]',
      'source = "hello.wasm"',
      '[[routes]]',
      'component = "hello"',
      '[[sockets]]',
      'component = "echo"',
      'paths = ["/chat"]',
      'origins = ["https://shop.example"]',
      '[[tokens]]',
      'name = "all"',
      `hash = "${hash}"`,
      'scopes = ["read", "send"]',
    ];
    await writeFile(file, lines.join('\n'));
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    let printed = '';
    stdout.on('data', (piece) => {
      printed += String(piece);
    });
    const done = main(['serve', file, '--json'], { stdin: Readable.from([]), stdout, stderr });
    await expect.poll(() => printed).toContain('listening');
    const { url, management } = JSON.parse(printed.split('\n')[0] as string) as { url: string; management: string };
    const headers = { authorization: `Bearer ${token}` };
    const status = async (at: string): Promise<number> => (await fetch(at, { headers })).status;
    // The origin of components has nothing that an operator would type a token into, and that of management no component.
    expect(await status(`${url}/-/`)).toBe(404);
    expect(await status(`${url}/-/v1/components`)).toBe(404);
    expect(await status(`${url}/-/metrics`)).toBe(404);
    expect(await status(`${url}/-/health`)).toBe(200);
    expect(await status(`${management}/-/`)).toBe(200);
    expect(await status(`${management}/-/v1/components`)).toBe(200);
    expect(await status(`${management}/-/metrics`)).toBe(200);
    expect(await status(`${management}/`)).toBe(404);
    // Actors are reached by a token at the address of management alone; the path is a component's here.
    expect(await (await fetch(`${url}/actors/local/echo/1`, { method: 'POST', body: 'x' })).text()).toBe('hello');

    const opened = async (origin: string | undefined): Promise<string> => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/chat`, origin === undefined ? {} : { origin });
      try {
        await once(socket, 'open');
      } catch (error) {
        return (error as Error).message;
      }
      socket.send('hi');
      // An echo answers the empty message of the opening with an empty one.
      for await (const [data] of on(socket, 'message')) {
        if (String(data) === '') continue;
        socket.close();
        return String(data);
      }
      return 'closed';
    };
    expect(await opened(undefined)).toBe('hi');
    expect(await opened(url)).toBe('hi');
    expect(await opened('https://shop.example')).toBe('hi');
    expect(await opened('https://evil.example')).toContain('403');
    expect(await opened('null')).toContain('403');
    // A request that asks for no WebSocket is the component's.
    expect(await (await fetch(`${url}/chat`)).text()).toBe('hello');
    process.emit('SIGTERM');
    expect(await done).toBe(0);
  });

  it('has every option that its documentation names', async () => {
    const { out } = await viv(['serve', '--help']);
    const lines = (await readFile('docs/serve.md', 'utf8'))
      .split('\n')
      .filter((line) => /viv serve|"viv", "serve"|^\| `--/.test(line) && !line.includes('viv cache'));
    const named = new Set(lines.flatMap((line) => line.replace(/`viv new [^`]*`/, '').match(/--[a-z-]{2,}/g) ?? []));
    expect(named.size).toBeGreaterThan(10);
    for (const option of named) expect(out, option).toContain(option);
  });

  it.each([
    [['x.toml', '--max-queued', '1'], 'write it into the file'],
    [['x.toml'], 'cannot be read'],
    [[], 'nothing to serve'],
    [['--route', 'nonsense'], 'is no route'],
    [['x.wasm', '--env', 'nonsense'], 'write NAME=VALUE'],
    [['x.wasm', '--addr', 'nonsense'], 'HOST:PORT'],
  ])('refuses %j', async (args, message) => {
    const { code, err } = await viv(['serve', ...args]);
    expect(code).not.toBe(0);
    expect(err).toContain(message);
  });
});
