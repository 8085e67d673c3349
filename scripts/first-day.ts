// Walks a new author's first day with the packed package in a temporary folder, and prints what each step took: the table of docs/actors.md.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'vivarium-first-day-'));
const viv = 'node_modules/vivarium/bin/viv.js';
const env = { ...process.env, VIVARIUM_CACHE_DIR: join(folder, 'cache'), VIVARIUM_HOME: join(folder, 'home') };

const ACTOR = `import { ask, defineActor, sleep } from 'vivarium/guest';
import { total } from './total.ts';

export const lifecycle = defineActor({
  name: 'till',
  version: '0.1.0',
  operations: {
    async sum(prices: number[]) {
      console.log('adding', prices);
      await sleep(10);
      return total(prices);
    },
    async taxed(prices: number[]) {
      return total(prices) + Number(await ask('local/tax/1', total(prices)));
    },
    async rate(url: string) {
      return (await (await fetch(url)).json()).rate;
    },
  },
});
`;
const TAX = `import { defineActor } from 'vivarium/guest';

export const lifecycle = defineActor({
  name: 'tax',
  version: '0.1.0',
  onMessage: (message) => Number(message.value()) / 5,
});
`;
const TOTAL = `export function total(prices: number[]): number {
  if (prices.length === 0) throw new RangeError('nothing was bought');
  return prices.reduce((sum, price) => sum + price, 0);
}
`;
const TEST = `import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testActor } from 'vivarium/guest/testing';

test('asks for the tax, and for the rate', async () => {
  const till = await testActor(new URL('./actor.ts', import.meta.url), {
    answers: { 'local/tax/1': (value) => Number(value) / 5 },
    fetch: () => ({ body: '{"rate":1.1}' }),
  });
  assert.equal(till.request({ taxed: [5, 5] }), 12);
  assert.equal(till.request({ rate: 'https://example.org/rate' }), 1.1);
});
`;

/** Runs one step, and says how long it took and whether it ended as it should. */
function step(what: string, program: readonly string[], status: number, shows: string, input = ''): void {
  const began = performance.now();
  const [command = '', ...args] = program;
  const ran = spawnSync(command, args, { cwd: folder, env, encoding: 'utf8', input });
  tell(what, began, ran.status === status && `${ran.stdout}${ran.stderr}`.includes(shows), ran);
}

function tell(what: string, began: number, holds: boolean, ran: unknown): void {
  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  console.log(`| ${what} | ${seconds} s |${holds ? '' : ` UNEXPECTED: ${JSON.stringify(ran)}`}`);
  if (!holds) process.exitCode = 1;
}

const run = (what: string, args: readonly string[], status: number, shows: string, input = ''): void =>
  step(what, [process.execPath, viv, ...args], status, shows, input);
const write = (file: string, text: string): void => writeFileSync(join(folder, file), text);

/** Serves a component, and answers where. */
async function served(component: string): Promise<{ readonly url: string } & AsyncDisposable> {
  const args = [viv, 'serve', component, '--addr', '127.0.0.1:0', '--json'];
  const server = spawn(process.execPath, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(server.stdout, 'data')) as [Buffer];
  return {
    url: JSON.parse(String(line)).url,
    async [Symbol.asyncDispose]() {
      server.kill('SIGTERM');
      await once(server, 'exit');
    },
  };
}

try {
  spawnSync('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: root, encoding: 'utf8' });
  const archive = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '';
  write('package.json', '{"private":true,"type":"module"}');
  step(
    '`npm install` of the package and of `typescript`',
    ['npm', 'install', `./${archive}`, 'typescript'],
    0,
    'added',
  );
  run('`viv new till`', ['new', 'till'], 0, 'Next: viv build till');
  run('`viv build till`, types checked', ['build', 'till'], 0, 'actor.wasm');
  run('its first run, which makes it native code', ['run', 'till/actor.wasm', '-m', 'Ada'], 0, 'Hello, Ada!');
  run('each run after it', ['run', 'till/actor.wasm', '-m', 'Ada'], 0, 'Hello, Ada!');
  run('`viv dev till`: a build, a message, its answer', ['dev', 'till'], 0, 'Hello, Ada!', 'Ada\n');
  write('till/src/total.ts', TOTAL);
  write('till/src/actor.ts', ACTOR.replace('return total(prices);', 'return totel(prices);'));
  run('a wrong name, found by the build', ['build', 'till'], 1, 'till/src/actor.ts:11:14: Cannot find name');
  write('till/src/actor.ts', ACTOR);
  run('a build with `console`, `sleep`, `ask` and `fetch`', ['build', 'till'], 0, 'actor.wasm');
  run('a bug, with its line', ['run', 'till/actor.wasm', '-m', '{"sum":[]}'], 1, 'at total (src/total.ts:2:');
  run('the same with a basket', ['run', 'till/actor.wasm', '-m', '{"sum":[1,2]}'], 0, '3');
  write('till/src/actor.test.ts', TEST);
  step('a test with an `ask` and a `fetch`', [process.execPath, '--test', 'till/src/actor.test.ts'], 0, 'pass 1');
  run('a second actor: `viv new tax`', ['new', 'tax'], 0, 'Next: viv build tax');
  write('tax/src/actor.ts', TAX);
  run('its build', ['build', 'tax'], 0, 'actor.wasm');
  const start = ['start', 'till/actor.toml', 'tax/actor.toml', '--to', 'local/till/1'];
  const grant = 'messaging:request:local/tax/1';
  const basket = '{"taxed":[5,5]}\n';
  run('a deploy of both, and an `ask` that nobody granted', start, 1, `needs grants = ["${grant}"] in its`, basket);
  const manifest = readFileSync(join(folder, 'till/actor.toml'), 'utf8');
  write('till/actor.toml', manifest.replace('[limits]', `grants = ["${grant}"]\n\n[limits]`));
  run('the same with the grant', [...start, '--grant', grant], 0, '12', basket);
  run('`viv new site --template handler`', ['new', 'site', '--template', 'handler'], 0, 'Next: viv build site');
  const source = readFileSync(join(folder, 'site/src/actor.ts'), 'utf8');
  write('site/src/actor.ts', source.replace('{ hello:', '{ rate: 1.1, hello:'));
  run('its build', ['build', 'site'], 0, 'actor.wasm');
  run('`viv types site/actor.wasm`', ['types', 'site/actor.wasm'], 0, 'incomingHandler');
  const began = performance.now();
  await using server = await served('site/actor.wasm');
  tell('`viv serve site/actor.wasm` until it listens', began, true, server.url);
  const rate = ['run', 'till/actor.wasm', '-m', JSON.stringify({ rate: server.url })];
  run('a `fetch` of it that nobody granted', rate, 1, `needs --grant 'network:connect:${server.url}'`);
  run('the same with the grant', [...rate, '--grant', `network:connect:${server.url}`], 0, '1.1');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
