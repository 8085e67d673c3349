import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '#system';
import { buildActor } from '#system/operations';

let folder: string;
let runtime: Runtime;
const lines: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vivarium-build-test-'));
  runtime = await createRuntime({ limits: { maxExecutionTimeMs: 60_000 } });
  runtime.on('log', ({ message }) => lines.push(message));
});
afterAll(async () => {
  await runtime.close();
  await rm(folder, { recursive: true });
});

async function project(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name, file)), { recursive: true });
    await writeFile(join(folder, name, file), text);
  }
  return join(folder, name);
}

const PLAIN_WIT = `package t:t; world guest {
  export run: func(n: u32) -> u32;
  export later: func(n: u32) -> string;
  export checked: func(n: u32) -> result<u32, string>;
}`;

describe('what a guest throws', () => {
  it("reaches the host with its name, its message and the author's file and line", async () => {
    const actor = await project('throwing', {
      'src/util.ts': [
        'export async function inner(text: string): Promise<string> {',
        '  await null;',
        '  // The error is made in line 4.',
        "  throw new RangeError('bad ' + text);",
        '}',
      ].join('\n'),
      'src/actor.ts': `
        import { defineActor, request, self } from 'vivarium/guest';
        import { inner } from './util.ts';
        let told = '';
        export const lifecycle = defineActor({
          name: 'throwing',
          version: '1.0.0',
          operations: {
            inner,
            asksItself: () => void request(self(), { inner: 'x' }, (reply) => { told = String(reply.failure?.message); }),
            told: () => told,
          },
        });`,
    });
    const { file } = await buildActor(actor);
    const handle = await runtime.load(file, { id: 't/throwing/1', grants: ['messaging:*:**'] });
    const throwing = runtime.actor<{ inner(text: string): string; asksItself(): void; told(): string }>(handle);
    await expect(runtime.request(throwing, { inner: 'luck' })).rejects.toMatchObject({
      code: 'RUNTIME_COMPONENT_ERROR',
      message: expect.stringContaining('RangeError: bad luck'),
      payload: { tag: 'runtime-error', val: 'RangeError: bad luck' },
      details: { guestStack: expect.stringMatching(/^ {4}at .*\(src\/util\.ts:4:\d+\)$/m) },
    });
    // Whoever else asks is told what happened, and not where.
    await runtime.request(throwing, { asksItself: null });
    let told = '';
    for (let tries = 0; told === '' && tries < 100; tries++) told = await runtime.request(throwing, { told: null });
    expect(told).toContain('RangeError: bad x');
    expect(told).not.toContain('util.ts');
    await writeFile(`${file}.map`, '{"version":3,"mappings":"%%%","sources":7}');
    await runtime.unload(handle);
    const again = await runtime.load(file, { id: 't/throwing/2' });
    await expect(runtime.request(again, Buffer.from('{"inner":"luck"}'))).rejects.toMatchObject({
      details: { guestStack: expect.stringContaining('componentize-qjs:user.js:') },
    });
  });

  it('is an error with its text where a function answers no result, and waits for a promise', async () => {
    const library = await project('library', {
      'wit/world.wit': PLAIN_WIT,
      'actor.ts': `
        console.log('made');
        export const run = (n: number): number => {
          if (n > 1) throw new TypeError('more "than" one\\nis too many');
          return n;
        };
        export async function later(n: number): Promise<string> {
          const before = Date.now();
          await new Promise((resolve) => setTimeout(resolve, n));
          return Date.now() - before >= n - 1 ? 'waited' : 'did not wait';
        }
        export const checked = async (n: number): Promise<number> => run(n);`,
    });
    const { file } = await buildActor(library);
    const handle = await runtime.load(file);
    expect(await runtime.call(handle, 'run', 1)).toBe(1);
    expect(lines).toContain('made');
    expect(await runtime.call(handle, 'later', 20)).toBe('waited');
    await expect(runtime.call(handle, 'checked', 2)).rejects.toMatchObject({
      code: 'RUNTIME_COMPONENT_ERROR',
      payload: 'more "than" one\nis too many',
    });
    await expect(runtime.call(handle, 'run', 2)).rejects.toMatchObject({
      code: 'RUNTIME_TRAP',
      message: 'the component trapped: unreachable; run threw: more "than" one\nis too many',
      details: { guestStack: expect.stringMatching(/^ {4}at .*\(actor\.ts:4:\d+\)$/m) },
    });
  });
});

describe('viv build refuses', () => {
  const fails = async (name: string, files: Readonly<Record<string, string>>, check = false): Promise<string> => {
    const path = await project(name, files);
    const error = await buildActor(path, { check }).then(
      () => undefined,
      (thrown: Error & { code: string }) => thrown,
    );
    expect(error?.code).toBe('PROJECT_BUILD_FAILED');
    await expect(readFile(join(path, 'actor.wasm'))).rejects.toThrow('ENOENT');
    return error?.message ?? '';
  };

  it('a source without what its world exports', async () => {
    expect(await fails('nothing', { 'actor.ts': 'export const lifeCycle = {};' })).toContain(
      'nothing/actor.ts exports lifeCycle, and its world exports lifecycle (vivarium:actor/lifecycle@0.1.0)',
    );
  });

  it('an import of no interface, with its file and line', async () => {
    const message = await fails('unknown', {
      'a.ts': "\nimport { go } from 'acme:none/such@1.0.0';\nexport const done = go();",
      'actor.ts': "import { done } from './a.ts';\nexport const lifecycle = done;",
    });
    expect(message).toMatch(/unknown\/a\.ts:2: world guest of .* does not import acme:none\/such@1\.0\.0/);
  });

  it('streams and futures of its world, with their places', async () => {
    const wit = `package t:t;
      interface disk {
        read: func() -> tuple<stream<u8>, u32>;
        plain: func() -> list<u8>;
      }
      world guest {
        import disk;
        export count: async func(input: stream<u8>, step: u32) -> u32;
        export wait: func() -> result<future, string>;
        export plain: func(n: u32) -> list<string>;
      }`;
    const source = 'export const count = () => 1; export const wait = () => null; export const plain = () => [];';
    expect(await fails('streams', { 'wit/world.wit': wit, 'actor.ts': source })).toMatch(
      /: its world has streams or futures, .* \(import t:t\/disk#read: stream<u8> in its result; export count: stream<u8> in its parameter input; export wait: future in its result\); use lists/,
    );
  });

  it.each([
    ['interface host { ask: async func() -> u32; } world guest { import host; export run: func(); }', 't:t/host#ask'],
    ['world guest { import ask: async func() -> u32; export run: func(); }', 'ask'],
  ])('an asynchronous import of its world: %s', async (wit, name) => {
    const files = { 'wit/world.wit': `package t:t; ${wit}`, 'actor.ts': 'export const run = () => {};' };
    expect(await fails('asks', files)).toContain(`: it imports ${name}, an asynchronous function, which`);
  });

  it('what cannot be parsed, with its file and line', async () => {
    expect(await fails('broken', { 'actor.ts': 'export const\n  lifecycle = {;' })).toMatch(/broken\/actor\.ts:2:16: /);
  });

  it.each(['node:fs', 'path'])('an import of %s, with its file and line and why', async (module) => {
    const source = `import * as node from '${module}';\nexport const lifecycle = node;`;
    expect(await fails('node', { 'actor.ts': source })).toMatch(
      /node\/actor\.ts:1:23: Could not resolve "[a-z:]+": a guest has no modules of Node$/,
    );
  });

  it.each([
    ['onMesage: () => 1', 'defineActor knows no onMesage; an actor may have name, '],
    ['onMessage: 5', 'onMessage of an actor is a number, and must be a function'],
    ['operations: { add: null }', 'operation add of an actor is null, and must be a function'],
  ])('an actor with %s where no compiler checks types, with its file and line', async (wrong, expected) => {
    const text = `import { defineActor } from 'vivarium/guest';

export const lifecycle = defineActor({ name: 'n', version: '1.0.0', ${wrong} });`;
    expect(await fails('misspelt', { 'actor.js': text })).toContain(`misspelt/actor.js:3: ${expected}`);
  });

  it('what a source throws while it is made, with its file and line', async () => {
    const message = await fails('throws', {
      'deep.ts': "\n\nexport function deep(): never {\n  throw new RangeError('two\\nlines');\n}",
      'actor.ts': "import { deep } from './deep.ts';\nexport const lifecycle = deep();",
    });
    expect(message).toMatch(/: \S*throws\/deep\.ts:4: two\nlines$/);
  });

  it("a handler's wrong types, with file, line and column", async () => {
    const actor = {
      'actor.ts': `import { defineActor } from 'vivarium/guest';
import { unheard } from 'acme:none/such@1.0.0';
export const lifecycle = defineActor({
  name: 'typed',
  version: '1.0.0',
  onMessage: async (message) => message.txt(),
  onStart: () => process.exit(unheard),
});`,
    };
    const message = await fails('typed', actor, true);
    expect(message.split('\n').slice(1)).toEqual([
      expect.stringMatching(/typed\/actor\.ts:6:41: Property 'txt' does not exist on type 'Message'/),
      expect.stringMatching(/typed\/actor\.ts:7:18: process is not there in a guest: the environment is what [^.]*$/),
    ]);
  });
});
