// Walks a new author's first day in a temporary folder, and prints what each step took: the table of docs/actors.md.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'vivarium-first-day-'));
const viv = join(root, 'bin/viv.js');

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
      return total(prices) + (await ask('shop/tax/1', total(prices)));
    },
    async rate(url: string) {
      return (await (await fetch(url)).json()).rate;
    },
  },
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
    answers: { 'shop/tax/1': (value) => Number(value) / 5 },
    fetch: () => ({ body: '{"rate":1.1}' }),
  });
  assert.equal(till.request({ taxed: [5, 5] }), 12);
  assert.equal(till.request({ rate: 'https://example.org/rate' }), 1.1);
});
`;

/** Runs one step, and says how long it took and whether it ended as it should. */
function step(what: string, args: readonly string[], status: number, shows: string, input = ''): void {
  const began = performance.now();
  const env = { ...process.env, VIVARIUM_CACHE_DIR: join(folder, 'cache'), VIVARIUM_HOME: join(folder, 'home') };
  const ran = spawnSync(process.execPath, args, { cwd: folder, env, encoding: 'utf8', input });
  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  const said = `${ran.stdout}${ran.stderr}`;
  const holds = ran.status === status && said.includes(shows);
  console.log(`| ${what} | ${seconds} s |${holds ? '' : ` UNEXPECTED: ${ran.status} ${said}`}`);
  if (!holds) process.exitCode = 1;
}

try {
  step('`viv new till`', [viv, 'new', 'till'], 0, 'Next: viv build till');
  step('`viv build till`, types checked', [viv, 'build', 'till'], 0, 'actor.wasm');
  step('its first run, which makes it native code', [viv, 'run', 'till/actor.wasm', '-m', 'Ada'], 0, 'Hello, Ada!');
  step('each run after it', [viv, 'run', 'till/actor.wasm', '-m', 'Ada'], 0, 'Hello, Ada!');
  step('`viv dev till`: a build, a message, its answer', [viv, 'dev', 'till'], 0, 'Hello, Ada!', 'Ada\n');
  writeFileSync(join(folder, 'till/src/total.ts'), TOTAL);
  writeFileSync(join(folder, 'till/src/actor.ts'), ACTOR.replace('return total(prices);', 'return totel(prices);'));
  step('a wrong name, found by the build', [viv, 'build', 'till'], 1, 'till/src/actor.ts:11:14: Cannot find name');
  writeFileSync(join(folder, 'till/src/actor.ts'), ACTOR);
  step('a build with `console`, `sleep`, `ask` and `fetch`', [viv, 'build', 'till'], 0, 'actor.wasm');
  step('a bug, with its line', [viv, 'run', 'till/actor.wasm', '-m', '{"sum":[]}'], 1, 'at total (src/total.ts:2:');
  step('the same with a basket', [viv, 'run', 'till/actor.wasm', '-m', '{"sum":[1,2]}'], 0, '3');
  writeFileSync(join(folder, 'till/src/actor.test.ts'), TEST);
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/vivarium'));
  step('a test with an `ask` and a `fetch`', ['--test', 'till/src/actor.test.ts'], 0, 'pass 1');
  const start = [viv, 'start', 'till/actor.toml', '--to', 'local/till/1'];
  step('a deploy: `viv start till/actor.toml`', start, 0, '6', '{"sum":[1,2,3]}\n');
  step('`viv new site --template handler`', [viv, 'new', 'site', '--template', 'handler'], 0, 'Next: viv build site');
  step('its build', [viv, 'build', 'site'], 0, 'actor.wasm');
  step('`viv types site/actor.wasm`', [viv, 'types', 'site/actor.wasm'], 0, 'incomingHandler');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
