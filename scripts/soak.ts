// Keeps `viv serve` under mixed load for a while, and says what that left: memory, descriptors and failed requests, as ratios.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { newToken } from '#server/management';
import { actor } from '../tools/components/actor-wat.ts';
import { helloHandler } from '../tools/components/hello-handler.ts';
import { refuse, scriptOptions } from './script-options.ts';
import { chartOf } from './soak/chart.ts';

const USAGE = `node scripts/soak.ts [--seconds 600] [--json] [--chart FILE.svg]

Serves a handler and an actor to ten clients while components are loaded, replaced, broken and unloaded. Needs Linux, which says
in /proc what the server holds. It ends with 1 if a request failed, if descriptors are left, or if what is left on the server's heap
after a full collection grew by more than a tenth between the second and the last quarter.`;
const WEB_CLIENTS = 8;
const SENDERS = 2;
const MOST_GROWTH = 1.1;
const SAMPLE_MS = 500;
/** A full collection halts the server, so it is rarer than looks at /proc. */
const COLLECT_MS = 5_000;

const { values } = scriptOptions(USAGE, {
  seconds: { type: 'string', default: '600' },
  json: { type: 'boolean', default: false },
  chart: { type: 'string' },
});
const seconds = Number(values.seconds);
if (!Number.isInteger(seconds) || seconds < 8) refuse(USAGE, '--seconds takes a whole number of at least 8');
if (process.platform !== 'linux') refuse(USAGE, 'this platform has no /proc');

interface Sample {
  /** The server's resident memory in bytes. */
  readonly memory: number;
  readonly descriptors: number;
}

/** Has the server collect its garbage, and returns the bytes that are left: on V8's heap, and those that objects on it own elsewhere. */
async function heldBy(child: ChildProcess): Promise<number> {
  const told = once(child, 'message');
  child.send('collect');
  const [bytes] = (await told) as [number];
  return bytes;
}

function sampleOf({ pid }: ChildProcess): Sample {
  const [, kib = '0'] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return { memory: Number(kib) * 1_024, descriptors: readdirSync(`/proc/${pid}/fd`).length };
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? 0;

/** The median of one quarter of what was measured, counted from 0. */
function quarterOf(values: readonly number[], number: number): number {
  const size = values.length / 4;
  return median(values.slice(Math.floor(number * size), Math.max(Math.floor(number * size) + 1, (number + 1) * size)));
}

/** Requests to one server, counted by whether they were answered as they had to be. */
class Clients {
  readonly #port: string;
  readonly #token: string;
  #agent: Agent = new Agent({ keepAlive: true });
  requests = 0;
  again = 0;
  readonly failures: string[] = [];

  constructor(port: string, token: string) {
    this.#port = port;
    this.#token = token;
  }

  /** Sends a request. Any status but the expected one, and no answer at all, are failures. */
  async ask(method: string, path: string, expected: number, body?: Uint8Array): Promise<void> {
    this.requests += 1;
    const status = await this.#status(method, path, body).catch((error: Error) => error.message);
    if (status !== expected) this.failures.push(`${method} ${path}: ${status}, not ${expected}`);
  }

  /** Closes all connections. Later requests open new ones. */
  disconnect(): void {
    this.#agent.destroy();
    this.#agent = new Agent({ keepAlive: true });
  }

  /** A request on a connection that the server closes as idle at that moment is sent again, as clients of HTTP do (RFC 9112, section 9.3.1). */
  #status(method: string, path: string, body?: Uint8Array): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${this.#token}`, 'content-type': 'application/wasm' };
      const sent = request({ port: this.#port, host: '127.0.0.1', agent: this.#agent, method, path, headers });
      sent.on('error', (error) => {
        if (!sent.reusedSocket || method !== 'GET') return reject(error);
        this.again += 1;
        this.#status(method, path, body).then(resolve, reject);
      });
      sent.on('response', (response) => {
        response.on('error', reject);
        response.on('end', () => resolve(response.statusCode));
        response.resume();
      });
      sent.end(body);
    });
  }
}

const ECHO = '/-/v1/components/soak/echo/1';
const OTHER = '/-/v1/components/soak/other/1';
const versions = [await actor(), await actor({ memory: '2' })] as const;
const broken = await actor({ handleMessage: 'unreachable' });

/** Loads, replaces, breaks and unloads once. */
async function change(clients: Clients): Promise<void> {
  for (const version of versions) await clients.ask('PUT', ECHO, 200, version);
  await clients.ask('PUT', ECHO, 422, Buffer.from('no component'));
  await clients.ask('PUT', OTHER, 201, broken);
  await clients.ask('POST', '/actors/soak/other/1', 502, Buffer.from('hi'));
  await clients.ask('DELETE', OTHER, 204);
}

async function load(clients: Clients): Promise<void> {
  const end = performance.now() + seconds * 1_000;
  const keep = async (step: () => Promise<void>): Promise<void> => {
    while (performance.now() < end) await step();
  };
  await Promise.all([
    ...Array.from({ length: WEB_CLIENTS }, () => keep(() => clients.ask('GET', '/', 200))),
    ...Array.from({ length: SENDERS }, () =>
      keep(() => clients.ask('POST', '/actors/soak/echo/1', 200, Buffer.from('hi'))),
    ),
    keep(() => change(clients)),
  ]);
}

const folder = mkdtempSync(join(tmpdir(), 'vivarium-soak-'));
let server: ChildProcess | undefined;
try {
  const { token, hash } = newToken();
  writeFileSync(join(folder, 'hello.wasm'), await helloHandler());
  writeFileSync(
    join(folder, 'vivarium.toml'),
    `[server]\nlisten = "127.0.0.1:0"\n[components.hello]\nsource = "hello.wasm"\nmax-queued = 1000\n` +
      `[[routes]]\ncomponent = "hello"\npaths = ["/"]\n[[tokens]]\nname = "soak"\nhash = "${hash}"\nscopes = ["deploy", "send"]\n`,
  );
  const viv = fileURLToPath(new URL('../bin/viv.js', import.meta.url));
  const probe = fileURLToPath(new URL('./soak/heap-probe.ts', import.meta.url));
  const flags = ['--expose-gc', '--import', probe];
  server = spawn(process.execPath, [...flags, viv, 'serve', join(folder, 'vivarium.toml'), '--json'], {
    env: { ...process.env, VIVARIUM_HOME: join(folder, 'home'), VIVARIUM_CACHE_DIR: join(folder, 'cache') },
    stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
  });
  const lines = createInterface({ input: server.stdout as NodeJS.ReadableStream });
  const [first] = (await once(lines, 'line')) as [string];
  lines.resume();
  const { port } = new URL((JSON.parse(first) as { readonly url: string }).url);
  const clients = new Clients(port, token);
  // Everything is built and opened once before the counting begins.
  await clients.ask('PUT', ECHO, 201, versions[0]);
  await change(clients);
  clients.disconnect();
  await delay(1_000);
  const before = sampleOf(server);
  const samples: Sample[] = [];
  const held: number[] = [];
  const sampling = setInterval(() => samples.push(sampleOf(server as ChildProcess)), SAMPLE_MS);
  const collecting = setInterval(async () => held.push(await heldBy(server as ChildProcess)), COLLECT_MS);
  await load(clients);
  clearInterval(sampling);
  clearInterval(collecting);
  clients.disconnect();
  await delay(1_000);
  const after = sampleOf(server);
  held.push(await heldBy(server));
  const figures = {
    seconds,
    requests: clients.requests,
    failed: clients.failures.length / clients.requests,
    'sent again': clients.again / clients.requests,
    'heap after collection, last quarter to second': quarterOf(held, 3) / quarterOf(held, 1),
    'heap after collection at the end, MiB': (held.at(-1) ?? 0) / 2 ** 20,
    'resident memory, last quarter to second':
      quarterOf(
        samples.map(({ memory }) => memory),
        3,
      ) /
      quarterOf(
        samples.map(({ memory }) => memory),
        1,
      ),
    'descriptors, after to before': after.descriptors / before.descriptors,
    'resident memory at the end, MiB': after.memory / 2 ** 20,
  };
  if (values.chart !== undefined) {
    const title = `viv serve under mixed load: ${clients.requests} requests, ${clients.failures.length} failed`;
    const lines = [
      { name: 'Heap after a full collection', unit: 'MiB', values: held.map((bytes) => bytes / 2 ** 20) },
      { name: 'Resident memory', unit: 'MiB', values: samples.map(({ memory }) => memory / 2 ** 20) },
      { name: 'Open descriptors', unit: 'number', values: samples.map(({ descriptors }) => descriptors) },
    ];
    writeFileSync(values.chart, chartOf(title, seconds, lines));
  }
  if (values.json) console.log(JSON.stringify(figures));
  else for (const [name, value] of Object.entries(figures)) console.log(`${name}: ${Number(value.toFixed(4))}`);
  for (const failure of new Set(clients.failures.slice(0, 1_000))) console.error(failure);
  const holds =
    clients.failures.length === 0 &&
    after.descriptors <= before.descriptors &&
    figures['heap after collection, last quarter to second'] <= MOST_GROWTH;
  if (!holds) process.exitCode = 1;
} finally {
  if (server?.exitCode === null) {
    server.kill('SIGTERM');
    await once(server, 'exit');
  }
  rmSync(folder, { recursive: true, force: true });
}
