import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../../src/cli/index.ts';
import { createRuntime } from '../../../src/index.ts';
import { viv } from '../../cli/viv.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vivarium-project-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('viv new and viv build', () => {
  it('make an actor that runs, outside any checkout, without installing anything', async () => {
    const project = join(folder, 'My Greeter');
    const made = await viv(['new', project]);
    expect(made.code).toBe(0);
    expect(made.out).toContain(`Next: viv build '${project}'`);
    const built = await viv(['build', project, '--json']);
    expect(built).toMatchObject({
      code: 0,
      objects: [{ file: join(project, 'actor.wasm'), engine: 'qjs', bytes: expect.any(Number) }],
    });
    const ran = await viv(['run', join(project, 'actor.wasm'), '-m', 'Ada']);
    expect(ran.out).toBe('Hello, Ada! You are number 1.\n');
  });

  it.each([
    ['library', ['greet', '["Ada"]'], "'Hello, Ada!'\n", ''],
    ['command', ['wasi:cli/run@0.2.0#run', '[]'], 'undefined\n', '[stderr] Hello, world!\n'],
  ] as const)('make a %s', async (template, call, out, err) => {
    const project = join(folder, template);
    await viv(['new', project, '--template', template]);
    const built = await viv(['build', project, '--json']);
    expect(built.objects).toMatchObject([{ warnings: [] }]);
    const called = await viv(['call', join(project, 'actor.wasm'), ...call]);
    expect(called).toMatchObject({ code: 0, out, err });
  });

  it('end a command that throws with the exit code of an error, and with the place in its source', async () => {
    const project = join(folder, 'throwing');
    await viv(['new', project, '--template', 'command']);
    await writeFile(
      join(project, 'src/actor.ts'),
      "export const run = {\n  run(): void {\n    throw new RangeError('too far');\n  },\n};\n",
    );
    await viv(['build', project]);
    const ran = await viv(['run', join(project, 'actor.wasm')]);
    expect(ran.code).toBe(1);
    expect(ran.err).toMatch(/^RUNTIME_TRAP: .*; run threw: too far\n {4}at run \(src\/actor\.ts:3:\d+\)$/m);
  });

  it.each(['rust', 'python', 'c'])('write a command in %s, with the commands of its compiler', async (language) => {
    const project = join(folder, `in-${language}`);
    const { objects } = await viv(['new', project, '--language', language, '--json']);
    expect(objects).toMatchObject([{ files: expect.arrayContaining(['README.md', '.gitignore']) }]);
    expect(await readFile(join(project, 'README.md'), 'utf8')).toContain(`viv run in-${language}.wasm -- Ada`);
  });

  it.each(['rust', 'python', 'c'])(
    'write an actor, a handler and a library in %s, with the WIT that they are built against',
    async (language) => {
      for (const [template, wit] of [
        ['actor', 'wit/actor.wit'],
        ['handler', 'wit/deps/http/http.wit'],
        ['library', 'wit/world.wit'],
      ] as const) {
        const project = join(folder, `${template}-in-${language}`);
        await viv(['new', project, '--language', language, '--template', template]);
        expect(await readFile(join(project, wit), 'utf8'), template).toMatch(/^package /m);
        expect(await readFile(join(project, 'README.md'), 'utf8')).toContain(`${template}-in-${language}.wasm`);
      }
    },
  );

  it('make a handler, which viv serve answers with', async () => {
    const project = join(folder, 'handler');
    await viv(['new', project, '--template', 'handler']);
    expect((await viv(['build', project, '--json'])).objects).toMatchObject([{ warnings: [] }]);
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const args = ['serve', join(project, 'actor.wasm'), '--addr', '127.0.0.1:0', '--timeout', '20s', '--json'];
    const done = main(args, { stdin: Readable.from([]), stdout, stderr });
    const [line] = (await new Promise<Buffer>((resolve) => stdout.once('data', resolve))).toString().split('\n');
    const { url } = JSON.parse(line as string) as { url: string };
    expect(await (await fetch(`${url}/?name=Ada`)).json()).toEqual({ hello: 'Ada' });
    expect(await (await fetch(`${url}/echo`, { method: 'POST', body: 'body' })).text()).toBe('body');
    process.emit('SIGTERM');
    expect(await done).toBe(0);
  });

  it('give an editor types that check', async () => {
    const project = join(folder, 'typed');
    await viv(['new', project]);
    await promisify(execFile)(process.execPath, [
      join(process.cwd(), 'node_modules/typescript/bin/tsc'),
      '-p',
      project,
    ]);
  });

  it("give an actor's own WIT to its source, and what it imports to who loads it", async () => {
    const project = join(folder, 'own');
    await viv(['new', project]);
    await mkdir(join(project, 'wit/deps/prices'), { recursive: true });
    await writeFile(
      join(project, 'wit/deps/prices/prices.wit'),
      'package acme:prices@0.3.0;\ninterface lists { get: func(name: string) -> result<u64, string>; }',
    );
    const world = await readFile(join(project, 'wit/guest.wit'), 'utf8');
    await writeFile(
      join(project, 'wit/guest.wit'),
      world.replace('  include actor;', '  include actor;\n  import acme:prices/lists@0.3.0;'),
    );
    const source = (argument: string): string => `
      import { get } from 'acme:prices/lists@0.3.0';
      import { defineActor } from 'vivarium/guest';
      export const lifecycle = defineActor({
        name: 'own',
        version: '0.1.0',
        onMessage(message) {
          try {
            return { price: get(${argument}) };
          } catch (error) {
            return { none: (error as Error).message };
          }
        },
      });`;
    await writeFile(join(project, 'src/actor.ts'), source('message'));
    expect(await viv(['types', project, '--guest', '-o', join(project, 'types/wit.d.ts')])).toMatchObject({ code: 0 });
    expect((await viv(['build', project, '--json'])).objects).toMatchObject([
      { error: { message: expect.stringContaining("'Message' is not assignable to parameter of type 'string'") } },
    ]);
    await writeFile(join(project, 'src/actor.ts'), source('message.text()'));
    expect((await viv(['build', project, '--json'])).objects).toMatchObject([{ warnings: [] }]);
    await using runtime = await createRuntime({ limits: { maxExecutionTimeMs: 20_000 } });
    const get = async (name: string): Promise<bigint> => {
      if (name === 'gold') throw 'not for sale';
      return 5n;
    };
    const handle = await runtime.load(join(project, 'actor.wasm'), { imports: { 'acme:prices/lists@0.3.0': { get } } });
    const asked = async (name: string): Promise<unknown> =>
      JSON.parse(Buffer.from((await runtime.request(handle, Buffer.from(name))) as Uint8Array).toString());
    expect([await asked('pen'), await asked('gold')]).toEqual([{ price: 5 }, { none: 'not for sale' }]);
  });

  it("leave what the project's own world imports to who loads it", async () => {
    const project = join(folder, 'rules');
    await mkdir(join(project, 'wit'), { recursive: true });
    await writeFile(
      join(project, 'wit/rules.wit'),
      `package acme:rules@0.1.0;
       interface host { add-one: func(n: u32) -> u32; }
       interface log-HTTP { write: func(line: string); }
       world guest {
         import host;
         import log-HTTP;
         import my-tools: interface { double: func(n: u32) -> u32; }
         export run-all: func(n: u32) -> u32;
       }`,
    );
    const source = (log: string): string => `
      import { addOne } from 'acme:rules/host@0.1.0';
      import { write } from '${log}';
      import { double } from 'my-tools';
      export function runAll(n: number): number {
        write(\`\${n} given\`);
        return double(addOne(n));
      }`;
    await writeFile(join(project, 'actor.ts'), source('acme:rules/log-HTTP'));
    expect(await viv(['build', project, '--json'])).toMatchObject({ code: 0 });
    await using runtime = await createRuntime();
    const lines: string[] = [];
    const handle = await runtime.load(join(project, 'actor.wasm'), {
      imports: {
        'acme:rules/host@0.1.0': { addOne: (n: number) => n + 1 },
        'acme:rules/log-HTTP': { write: (line: string) => lines.push(line) },
        'my-tools': { double: (n: number) => 2 * n },
      },
    });
    expect(await runtime.call(handle, 'run-all', 20)).toBe(42);
    expect(lines).toEqual(['20 given']);

    await writeFile(join(project, 'actor.ts'), source('acme:rules/log-htttp@0.1.0'));
    expect(await viv(['build', project, '--json'])).toMatchObject({
      code: 1,
      objects: [
        {
          error: {
            code: 'PROJECT_BUILD_FAILED',
            message: expect.stringContaining(`${join(project, 'wit')} does not import acme:rules/log-htttp@0.1.0`),
          },
        },
      ],
    });
    await writeFile(join(project, 'actor.ts'), source('node:fs/promises'));
    expect((await viv(['build', project, '--json'])).objects).toMatchObject([
      { error: { message: expect.stringContaining('Could not resolve "node:fs/promises"') } },
    ]);
  });

  it('refuse a folder that is not empty', async () => {
    await writeFile(join(folder, 'file'), 'x');
    expect(await viv(['new', folder, '--json'])).toMatchObject({
      code: 2,
      objects: [{ error: { code: 'PROJECT_EXISTS' } }],
    });
    expect(await readFile(join(folder, 'file'), 'utf8')).toBe('x');
  });

  it('say what is wrong with a source', async () => {
    const bad = join(folder, 'bad.ts');
    await writeFile(bad, "import { nothing } from './nowhere';\nexport const lifecycle = nothing;");
    const { code, objects } = await viv(['build', bad, '--json']);
    expect(objects[0]).toMatchObject({
      error: { code: 'PROJECT_BUILD_FAILED', message: expect.stringContaining('nowhere') },
    });
    expect(code).toBe(1);
    expect((await viv(['build', join(folder, 'none'), '--json'])).code).toBe(3);
  });
});
