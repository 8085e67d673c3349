// A process of `viv serve` under load: real signals, real connections, a cold cache. No request that a client may have sent is lost.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, constants } from 'node:http2';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { helloHandler } from '../../../tools/components/hello-handler.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
const VIV = fileURLToPath(new URL('../../../bin/viv.js', import.meta.url));

/** What clients have seen: how often each body came, and what failed. */
class Seen {
  readonly bodies = new Map<string, number>();
  readonly lost: string[] = [];

  of(body: string): number {
    return this.bodies.get(body) ?? 0;
  }

  answered(body: string): void {
    this.bodies.set(body, this.of(body) + 1);
  }
}

/**
 * Asks on one connection of HTTP/1.1 until the server says that it closes.
 * @param goesOn asked after each answer
 */
async function keepAsking(url: string, seen: Seen, goesOn: () => boolean = () => true): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
  onTestFinished(() => agent.destroy());
  for (let closes = false; !closes; ) {
    closes = await new Promise<boolean>((resolve) => {
      const sent = request(url, { agent }, (response) => {
        text(response).then(
          (body) => {
            seen.answered(`${response.statusCode} ${body}`);
            resolve(response.headers.connection === 'close' || !goesOn());
          },
          (error: unknown) => {
            seen.lost.push(`within the answer: ${error}`);
            resolve(true);
          },
        );
      });
      sent.on('error', (error) => {
        seen.lost.push(String(error));
        resolve(true);
      });
      sent.end();
    });
  }
  agent.destroy();
}

/**
 * Asks on a session of HTTP/2 until the server says that it ends, several streams at a time.
 * @param goesOn asked after each answer
 */
async function keepStreaming(url: string, seen: Seen, goesOn: () => boolean = () => true): Promise<void> {
  const session = connect(url, { rejectUnauthorized: false });
  onTestFinished(() => void session.destroy());
  session.on('error', (error) => seen.lost.push(String(error)));
  let ends = false;
  session.on('goaway', () => {
    ends = true;
  });
  const one = async (): Promise<void> => {
    while (!ends && !session.closed) {
      const stream = session.request({ ':path': '/' });
      try {
        const body = text(stream);
        body.catch(() => {});
        const closed = once(stream, 'close').then(() => {
          throw new Error(`closed without an answer, by code ${stream.rstCode}`);
        });
        closed.catch(() => {});
        const [head] = await Promise.race([once(stream, 'response'), closed]);
        seen.answered(`${head[':status']} ${await body}`);
        if (!goesOn()) return;
      } catch (error) {
        // Those that the server did not take may be sent again elsewhere (RFC 9113, section 8.7).
        if (stream.rstCode !== constants.NGHTTP2_REFUSED_STREAM) seen.lost.push(`stream: ${error}`);
      }
    }
  };
  await Promise.all([one(), one(), one()]);
  session.destroy();
}

async function served(
  folder: string,
  args: readonly string[] = [join(folder, 'vivarium.toml')],
): Promise<{ server: ChildProcess; url: string; said: (event: string) => Promise<void> }> {
  const server = spawn(process.execPath, [VIV, 'serve', ...args, '--json'], {
    env: { ...process.env, VIVARIUM_HOME: join(folder, 'home'), VIVARIUM_CACHE_DIR: join(folder, 'cache') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void server.kill('SIGKILL'));
  const events: { readonly event: string; readonly url?: string }[] = [];
  for (const stream of [server.stdout, server.stderr]) {
    createInterface({ input: stream as NodeJS.ReadableStream }).on('line', (line) => {
      if (line.startsWith('{')) events.push(JSON.parse(line));
    });
  }
  const said = (event: string): Promise<void> =>
    expect.poll(() => events.some((each) => each.event === event), { message: event }).toBe(true);
  await said('listening');
  return { server, url: events.find(({ event }) => event === 'listening')?.url as string, said };
}

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'viv-signals-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A folder with a handler that answers over TLS, and its configuration. @param settings more lines of its table `server` */
async function folderWithTls(settings: string): Promise<{ folder: string; config: string }> {
  const folder = await emptyFolder();
  const config = `
[server]
listen = "127.0.0.1:0"
${settings.trim()}
[server.tls]
certificate = "one.crt"
key = "one.key"
[components.hello]
source = "hello.wasm"
max-queued = 1000
[[routes]]
component = "hello"
`;
  for (const name of ['one.crt', 'one.key']) await copyFile(fixture(`tls/${name}`), join(folder, name));
  await writeFile(join(folder, 'hello.wasm'), await helloHandler('first'));
  await writeFile(join(folder, 'vivarium.toml'), config);
  return { folder, config };
}

it.runIf(process.platform !== 'win32')(
  'no request fails when a broken file is read, a component is replaced from a cold cache, and the process is told to end',
  async () => {
    const { folder, config } = await folderWithTls(`
drain-timeout = "10m"
# A client on a busy machine may be slow to send its next request.
drain-idle-timeout = "5m"
`);
    const { server, url, said } = await served(folder);
    const exited = once(server, 'exit');
    const seen = new Seen();
    const clients = [
      ...Array.from({ length: 6 }, () => keepAsking(url, seen)),
      ...Array.from({ length: 2 }, () => keepStreaming(url, seen)),
    ];
    await expect.poll(() => seen.of('200 first')).toBeGreaterThan(50);

    await writeFile(join(folder, 'vivarium.toml'), `${config}\n[components.hello]\nsorce = 1\n`);
    server.kill('SIGHUP');
    await said('reload-failed');
    await writeFile(join(folder, 'vivarium.toml'), config);
    await writeFile(join(folder, 'hello.wasm'), 'no component');
    server.kill('SIGHUP');
    await said('kept');
    expect(seen.of('200 second')).toBe(0);

    await writeFile(join(folder, 'hello.wasm'), await helloHandler('second'));
    server.kill('SIGHUP');
    await said('replaced');
    await expect.poll(() => seen.of('200 second')).toBeGreaterThan(50);

    server.kill('SIGTERM');
    await Promise.all(clients);
    expect(await exited).toEqual([0, null]);
    expect(seen.lost).toEqual([]);
    expect([...seen.bodies.keys()].sort()).toEqual(['200 first', '200 second']);
  },
);

/** Asks on a connection of its own each time, as long as the server is ready. */
async function keepConnecting(url: string, seen: Seen, isReady: () => boolean): Promise<void> {
  while (isReady()) await keepAsking(url, seen, () => false);
}

/** Opens a session of HTTP/2 for each request, as long as the server is ready. */
async function keepOpening(url: string, seen: Seen, isReady: () => boolean): Promise<void> {
  while (isReady()) await keepStreaming(url, seen, () => false);
}

it.runIf(process.platform !== 'win32')(
  'no request fails, on connections old and new, where a balancer has time to see that the process is not ready',
  async () => {
    const { folder } = await folderWithTls(`
# A client on a busy machine may be slow to notice, and to send its next request.
drain-delay = "10s"
drain-timeout = "10m"
drain-idle-timeout = "5m"
`);
    const { server, url } = await served(folder);
    const exited = once(server, 'exit');
    const [seen, probes] = [new Seen(), new Seen()];
    let ready = true;
    const isReady = (): boolean => ready;
    const probing = async (): Promise<void> => {
      while (ready) {
        await keepAsking(`${url}/-/ready`, probes, () => false);
        ready = ![...probes.bodies.keys()].some((body) => body.startsWith('503'));
      }
    };
    const clients = [
      ...Array.from({ length: 3 }, () => keepAsking(url, seen)),
      keepStreaming(url, seen),
      ...Array.from({ length: 2 }, () => keepConnecting(url, seen, isReady)),
      keepOpening(url, seen, isReady),
      probing(),
    ];
    await expect.poll(() => seen.of('200 first')).toBeGreaterThan(100);
    server.kill('SIGTERM');
    await expect.poll(isReady).toBe(false);
    await Promise.all(clients);
    expect(await exited).toEqual([0, null]);
    expect([seen.lost, probes.lost]).toEqual([[], []]);
    expect([...seen.bodies.keys()]).toEqual(['200 first']);
  },
);

it.runIf(process.platform !== 'win32')(
  'SIGHUP while the server ends changes nothing and loses no request; a second signal to end does end it',
  async () => {
    const folder = await emptyFolder();
    const config = `
[server]
listen = "127.0.0.1:0"
drain-delay = "10m"
[components.hello]
source = "hello.wasm"
[[routes]]
component = "hello"
`;
    await writeFile(join(folder, 'hello.wasm'), await helloHandler('first'));
    await writeFile(join(folder, 'vivarium.toml'), config);
    const { server, url, said } = await served(folder);
    const exited = once(server, 'exit');
    server.kill('SIGTERM');
    await expect.poll(async () => (await fetch(`${url}/-/ready`)).status).toBe(503);
    await writeFile(join(folder, 'vivarium.toml'), config.replaceAll('hello"', 'other"'));
    server.kill('SIGHUP');
    await said('reload-ignored');
    server.kill('SIGHUP');
    expect(await (await fetch(url)).text()).toBe('first');
    server.kill('SIGTERM');
    expect(await exited).toEqual([null, 'SIGTERM']);
  },
);

it.runIf(process.platform !== 'win32')(
  'SIGHUP ends a server without a configuration file as SIGTERM does, and a second one changes nothing',
  async () => {
    const folder = await emptyFolder();
    const component = join(folder, 'hello.wasm');
    await writeFile(component, await helloHandler('first'));
    const { server, url, said } = await served(folder, [component, '--addr', '127.0.0.1:0', '--drain-delay', '10m']);
    const exited = once(server, 'exit');
    server.kill('SIGHUP');
    await expect.poll(async () => (await fetch(`${url}/-/ready`)).status).toBe(503);
    server.kill('SIGHUP');
    await said('reload-ignored');
    expect(await (await fetch(url)).text()).toBe('first');
    server.kill('SIGTERM');
    expect(await exited).toEqual([null, 'SIGTERM']);
  },
);
