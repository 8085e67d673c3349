// The tutorial's way to production, run as it is written: nginx before `viv serve`, and the unit read by systemd.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { main } from '../../../src/cli/index.ts';
import { actor } from '../../../tools/components/actor-wat.ts';
import { echoHandler } from '../../../tools/components/echo-handler.ts';
import { answering } from '../../../tools/servers/answering.ts';
import { freePort } from '../../../tools/servers/free-port.ts';
import { describeWithPrograms } from '../../support/real-server.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const DOCUMENT = readFileSync(new URL('../../../docs/serve.md', import.meta.url), 'utf8');
const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/tls/${name}`, import.meta.url));

/** The only block of the document in a language. */
function documented(language: string): string {
  const [, block] = new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, 'm').exec(DOCUMENT) ?? [];
  if (block === undefined) throw new Error(`docs/serve.md has no block of ${language}`);
  return block;
}

/** Replaces a part of a documented text, which must be there. */
function filledIn(from: string, parts: Readonly<Record<string, string>>): string {
  return Object.entries(parts).reduce((so, [part, by]) => {
    if (!so.includes(part)) throw new Error(`the document does not say ${part}`);
    return so.replaceAll(part, by);
  }, from);
}

async function served(folder: string): Promise<string> {
  writeFileSync(join(folder, 'echo.wasm'), await echoHandler());
  writeFileSync(join(folder, 'chat.wasm'), await actor());
  writeFileSync(
    join(folder, 'vivarium.toml'),
    `[server]\nlisten = "127.0.0.1:0"\n[components.echo]\nsource = "echo.wasm"\n[components.chat]\nsource = "chat.wasm"\n` +
      `[[routes]]\ncomponent = "echo"\n[[sockets]]\ncomponent = "chat"\npaths = ["/live"]\n`,
  );
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const done = main(['serve', join(folder, 'vivarium.toml'), '--json'], { stdin: Readable.from([]), stdout, stderr });
  onTestFinished(async () => {
    process.emit('SIGTERM');
    expect(await done).toBe(0);
  });
  const [line] = (await once(stdout, 'data')) as [Buffer];
  stdout.resume();
  stderr.resume();
  return (JSON.parse(String(line).split('\n')[0] as string) as { readonly url: string }).url;
}

/** Runs nginx with the server of the document, and returns where it listens. */
async function proxied(folder: string, url: string): Promise<number> {
  const port = await freePort();
  const server = filledIn(documented('nginx'), {
    'listen 443 ssl;': `listen 127.0.0.1:${port} ssl;`,
    '/etc/ssl/shop.example.pem': fixture('one.crt'),
    '/etc/ssl/shop.example.key': fixture('one.key'),
    'http://127.0.0.1:8080': url,
  });
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => {
    mkdirSync(join(folder, kind));
    return `${kind}_temp_path ${join(folder, kind)};`;
  });
  const file = join(folder, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${join(folder, 'nginx.pid')}; error_log stderr;\nevents {}\n` +
      `http {\naccess_log off;\n${temporary.join('\n')}\n${server}\n}\n`,
  );
  const nginx: ChildProcess = spawn('nginx', ['-c', file, '-e', 'stderr'], { stdio: 'ignore' });
  onTestFinished(() => void nginx.kill('SIGKILL'));
  await answering(`http://127.0.0.1:${port}/`, nginx, (status) => status === 400);
  return port;
}

const HOST = { host: 'shop.example' };

describeWithPrograms(['nginx'], 'nginx before viv serve', () => {
  it('passes requests on, streams both ways, opens WebSockets and keeps the paths of the host to itself', async () => {
    using folder = temporaryFolder();
    const port = await proxied(folder.path, await served(folder.path));
    const to = { port, host: '127.0.0.1', rejectUnauthorized: false, headers: HOST } as const;

    const asked = request({ ...to, method: 'POST', path: '/echo' });
    asked.write('first');
    const [response] = await once(asked, 'response');
    const [first] = (await once(response, 'data')) as [Buffer];
    expect([response.statusCode, String(first)]).toEqual([200, 'first']);
    asked.end('second');
    expect(await text(response)).toBe('second');

    const inside = request({ ...to, path: '/-/ready' });
    inside.end();
    const [refused] = await once(inside, 'response');
    expect(refused.statusCode).toBe(404);
    refused.resume();

    const socket = new WebSocket(`wss://127.0.0.1:${port}/live`, { rejectUnauthorized: false, headers: HOST });
    onTestFinished(() => socket.terminate());
    const echoed = new Promise<void>((resolve) => {
      socket.on('message', (data: Buffer) => {
        if (String(data) === 'hi') resolve();
      });
    });
    await once(socket, 'open');
    socket.send('hi');
    await echoed;
  });
});

describeWithPrograms(['systemd-analyze'], 'the unit of systemd', () => {
  it('is one that systemd reads without a complaint', () => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'vivarium.service');
    // systemd wants the program to be there.
    writeFileSync(file, filledIn(documented('ini'), { '/usr/local/bin/viv': process.execPath }));
    expect(execFileSync('systemd-analyze', ['verify', file], { encoding: 'utf8', stdio: 'pipe' })).toBe('');
  });
});
