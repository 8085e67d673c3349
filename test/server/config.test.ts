// vivarium.toml: what it says, and what is wrong with it, by key and line.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { stringify } from 'smol-toml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig, readConfig } from '#server/config';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-config-'));
});
afterAll(() => rm(folder, { recursive: true }));

const KEYS = [
  'server',
  'listen',
  'components',
  'a',
  'source',
  'limits',
  'grants',
  'secrets',
  'routes',
  'actors',
  'paths',
  '__proto__',
  'a.b',
];
const FILE = '/srv/vivarium.toml';
const messages = (text: string): string[] => {
  try {
    parseConfig(text, FILE);
    return [];
  } catch (error) {
    return (error as Error).message.split('\n');
  }
};

async function written(text: string, files: Readonly<Record<string, string>> = {}): Promise<string> {
  const at = await mkdtemp(join(folder, 'case-'));
  for (const [name, content] of Object.entries(files)) await writeFile(join(at, name), content);
  const file = join(at, 'vivarium.toml');
  await writeFile(file, text);
  return file;
}

describe('a configuration', () => {
  it('leads from a middleware to another component, and never back', () => {
    const chain = (...links: readonly string[]): string =>
      links
        .map((link) => link.split('>'))
        .map(([name, next]) => `[components.${name}]\nsource = "x"\n${next === undefined ? '' : `next = "${next}"\n`}`)
        .join('');
    expect(messages(chain('auth>log', 'log>shop', 'shop'))).toEqual([]);
    expect(messages(chain('auth>nobody'))).toEqual([
      `${FILE}:3: components.auth.next: there is no [components.nobody]`,
    ]);
    expect(messages(chain('a>a', 'b>c', 'c>d', 'd>c'))).toEqual([
      `${FILE}:3: components.a.next: the requests that a passes on come back to it`,
      `${FILE}:9: components.c.next: the requests that c passes on come back to it`,
      `${FILE}:12: components.d.next: the requests that d passes on come back to it`,
    ]);
  });

  it('routes each request to one place, and bounds what a server waits for', () => {
    const route = (kind: string, paths: string): string => `[[${kind}]]\ncomponent = "a"\npaths = [${paths}]\n`;
    const a = '[components.a]\nsource = "x"\n';
    expect(messages(a + route('routes', '"/x"') + route('routes', '"/y", "/x/"'))).toEqual([
      `${FILE}:6: routes[1]: /x is routed twice; leave one of them out`,
    ]);
    expect(messages(a + route('sockets', '"/x"') + route('sockets', '"/x"'))).toEqual([
      `${FILE}:6: sockets[1]: /x is routed twice; leave one of them out`,
    ]);
    // Node would take each of these for no bound, or accept no connection at all.
    const keys = ['header-timeout', 'body-timeout', 'idle-timeout', 'max-connections', 'max-header-bytes'];
    expect(messages(`[server]\n${keys.map((key) => `${key} = 0\n`).join('')}`)).toEqual(
      keys.map((key, at) => `${FILE}:${at + 2}: server.${key}: give a value above 0`),
    );
  });

  it('says everything that a server needs', () => {
    const config = parseConfig(
      `
[server]
listen = "0.0.0.0:80"
header-timeout = "5s"
max-header-bytes = "8KiB"
expose = true

[components.shop]
source = "shop.wasm"
store = "per-actor"
concurrency = 16
max-concurrent = 4
max-queued = 0
limits = { max-memory = "32MiB", max-turn-time = "10s", max-fuel = 1000, weight = 0.5 }
grants = ["network:connect:tcp://db.example:5432"]
preopens = { "/data" = "data" }
env = { MODE = "live" }
secrets = { KEY = { env = "SHOP_KEY" }, TOKEN = { file = "token" } }

[components.api]
source = "https://example.org/api.wasm"
id = "demo/api/7"

[[routes]]
component = "shop"
hosts = ["shop.example"]
paths = ["/", "/cart/"]
methods = ["GET", "POST"]

[[routes]]
component = "api"

[[actors]]
manifest = "counter/actor.toml"
grants = ["storage:*:**"]
`,
      FILE,
    );
    expect(config.server).toMatchObject({ host: '0.0.0.0', port: 80, headersTimeoutMs: 5_000, maxHeaderBytes: 8_192 });
    const [shop, api] = config.components;
    expect(shop).toMatchObject({
      name: 'shop',
      source: '/srv/shop.wasm',
      options: {
        id: 'local/shop/1',
        store: 'per-actor',
        concurrency: 16,
        requests: { maxConcurrent: 4, maxQueued: 0 },
        limits: { maxMemoryBytes: 32 * 2 ** 20, maxTurnTimeMs: 10_000, maxFuel: 1_000n, weight: 0.5 },
        preopens: { '/data': '/srv/data' },
        env: { MODE: 'live' },
      },
    });
    expect(shop?.secrets.get('TOKEN')?.file).toBe('/srv/token');
    expect(api).toMatchObject({ source: 'https://example.org/api.wasm', options: { id: 'demo/api/7' } });
    expect(config.routes).toEqual([
      { component: 'shop', hosts: ['shop.example'], paths: ['/', '/cart/'], methods: ['GET', 'POST'] },
      { component: 'api', hosts: [], paths: ['/'], methods: [] },
    ]);
    expect(config.actors[0]).toMatchObject({ manifest: '/srv/counter/actor.toml' });
  });

  it('tells all its mistakes, each with its line and key', () => {
    const wrong = messages(`[server]
listen = "here"
max-conections = 5

[components.shop]
sorce = "shop.wasm"
store = "one"
limits = { max-memory = "much" }
grants = ["nonsense"]
max-concurrent = 0

[[routes]]
component = "shop"
hosts = ["A.example", "*", "a.*.example", "*.shop.example"]

[[routes]]
component = "shap"
paths = ["x"]
methods = ["get"]
`);
    expect(wrong).toEqual([
      expect.stringMatching(/:2: server\.listen: give HOST:PORT/),
      expect.stringMatching(/:5: components\.shop\.source is missing$/),
      expect.stringMatching(/:7: components\.shop\.store: is "one"; give one of per-call, per-actor/),
      expect.stringMatching(/:8: components\.shop\.limits\.max-memory: /),
      expect.stringMatching(/:9: components\.shop\.grants: /),
      expect.stringMatching(/:10: components\.shop\.max-concurrent: /),
      expect.stringMatching(/:14: routes\[0\]\.hosts: "A\.example" is no host/),
      expect.stringMatching(/:14: routes\[0\]\.hosts: "\*" is no host/),
      expect.stringMatching(/:14: routes\[0\]\.hosts: "a\.\*\.example" is no host/),
      expect.stringMatching(/:18: routes\[1\]\.paths: "x" is no path/),
      expect.stringMatching(/:19: routes\[1\]\.methods: "get" is no method/),
      expect.stringMatching(/:3: unknown key "server\.max-conections"; known are server\.listen/),
      expect.stringMatching(/:6: unknown key "components\.shop\.sorce"/),
      expect.stringMatching(/:17: routes\[1\]\.component: there is no \[components\.shap\]/),
    ]);
  });

  it.each([
    ['text that is no TOML', '[server]\nlisten = ', /:2: /],
    ['an endless list', `routes = [${'{},'.repeat(20_000)}]`, /values|tables/],
    ['a deep value', `x = ${'['.repeat(50)}${']'.repeat(50)}`, /./],
    [
      'a name that makes no id',
      '[components.Shop-A]\nsource = "x"',
      /:1: components\.Shop-A\.id: is needed, because that of the name is none: "local\/Shop-A\/1" is not/,
    ],
    ['an id that is none', '[components."a/b"]\nsource = "x"', /:1: components\.a\/b\.id/],
    ['a table in place of a list', '[routes]\ncomponent = "a"', /:1: routes: give a list/],
    [
      'a secret of two sources',
      '[components.a]\nsource="a"\n[components.a.secrets.K]\nfile="x"\nenv="y"',
      /:3: .*either/,
    ],
  ])('refuses %s', (_, text, message) => {
    expect(messages(text).join('\n')).toMatch(message);
  });

  it('is read or refused, and nothing else, whatever TOML it is', () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        fc.string(),
        fc.boolean(),
        fc.integer(),
        fc.array(tie('any'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...KEYS), tie('any'), { maxKeys: 4, noNullPrototype: true }),
      ),
    })).any;
    const root = fc.dictionary(fc.constantFrom(...KEYS), value, { maxKeys: 5, noNullPrototype: true });
    fc.assert(
      fc.property(root, (config) => {
        try {
          parseConfig(stringify(config), FILE);
        } catch (error) {
          expect(error).toMatchObject({ code: 'SERVER_INVALID_CONFIG' });
        }
      }),
    );
  });

  it('of the documentation is valid', async () => {
    const read = (name: string): Promise<string> => readFile(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
    const documentation = (await read('serve.md')) + (await read('observability.md'));
    const examples = [...documentation.matchAll(/```toml\n(.*?)```/gs)];
    expect(examples.length).toBeGreaterThan(0);
    for (const [, text = ''] of examples) expect(messages(text)).toEqual([]);
  });

  it('does not take a name of Object.prototype for a component', () => {
    expect(messages('[[routes]]\ncomponent = "constructor"')).toEqual([expect.stringContaining('there is no')]);
  });
});

describe('its secrets', () => {
  const SECRET = `[components.a]\nsource = "a.wasm"\n[components.a.secrets]\nONE = { file = "one" }\nTWO = { env = "TWO_HERE" }`;

  it('are read from files and from the environment', async () => {
    const file = await written(SECRET, { one: 'from a file\n' });
    const { components } = await readConfig(file, { TWO_HERE: 'from here' });
    expect(components[0]?.options.env).toEqual({ ONE: 'from a file', TWO: 'from here' });
    expect(components[0]?.secrets).toEqual(['ONE', 'TWO']);
  });

  it('that are missing are named, and nothing of the others is', async () => {
    const file = await written(SECRET, { one: 'very secret' });
    const error = await readConfig(file, {}).catch((thrown: Error) => thrown);
    expect(String(error)).toMatch(/secrets\.TWO: no variable TWO_HERE/);
    expect(String(error)).not.toContain('very secret');
    await expect(readConfig(await written(SECRET), { TWO_HERE: '' })).rejects.toThrow(/secrets\.ONE: .*cannot be read/);
  });
});

describe('its certificate', () => {
  it('is read, and refused if it and its key are none', async () => {
    const text = '[server.tls]\ncertificate = "a.crt"\nkey = "a.key"';
    const pem = (name: string): Promise<string> =>
      readFile(new URL(`../fixtures/tls/${name}`, import.meta.url), 'utf8');
    const [crt, key, other] = await Promise.all([pem('one.crt'), pem('one.key'), pem('two.key')]);
    const { server } = await readConfig(await written(text, { 'a.crt': crt, 'a.key': key }));
    expect(server.tls?.cert.toString()).toBe(crt);
    await expect(readConfig(await written(text, { 'a.crt': crt, 'a.key': other }))).rejects.toThrow(/cannot be used/);
    await expect(readConfig(await written(text, { 'a.crt': crt }))).rejects.toThrow(/server\.tls: .*cannot be read/);
  });
});

describe('its actors', () => {
  const MANIFEST = 'id = "demo/counter/1"\ncomponent = "counter.wasm"\ngrants = ["storage:*:**"]';

  it('come from their manifests, with the grants that they ask for', async () => {
    const file = await written('[[actors]]\nmanifest = "actor.toml"\ngrants = ["storage:*:**"]', {
      'actor.toml': MANIFEST,
    });
    const { components } = await readConfig(file);
    expect(components[0]).toMatchObject({ name: 'demo/counter/1', options: { id: 'demo/counter/1' } });
  });

  it('that ask for more than the file grants are refused', async () => {
    const file = await written('[[actors]]\nmanifest = "actor.toml"', { 'actor.toml': MANIFEST });
    await expect(readConfig(file)).rejects.toThrow(/demo\/counter\/1 asks for storage/);
  });

  it('and components have an id each', async () => {
    const file = await written('[components.a]\nsource="a"\nid="x/y/1"\n[components.b]\nsource="b"\nid="x/y/1"');
    await expect(readConfig(file)).rejects.toThrow(/two components have the id/);
  });
});
