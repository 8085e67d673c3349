import { mkdirSync } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../src/index.ts';
import { newActor } from '../../src/system/operations/index.ts';
import { Tools } from '../../tools/toolchains/build.ts';
import { type ForeignTemplate, hasCompiler, makeProject } from '../../tools/toolchains/projects.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const tools = new Tools('.ci/cache/toolchains');
const limits = { maxExecutionTimeMs: 60_000, maxStartTimeMs: 60_000, maxMemoryBytes: 2 ** 30 };

/** What is done with the component of each template, and what comes of it. */
const USES: Readonly<Record<ForeignTemplate, (runtime: Runtime, component: string) => Promise<void>>> = {
  async actor(runtime, component) {
    const logged: string[] = [];
    runtime.on('log', ({ message }) => void logged.push(message));
    const actor = await runtime.load(component, { limits });
    const reply = await runtime.request(actor, Buffer.from('Ada'));
    expect(Buffer.from(reply ?? []).toString()).toBe('Hello, Ada! You are number 1.');
    expect(logged).toContain('greeted Ada');
    await expect(runtime.request(actor, Uint8Array.of(0xff))).rejects.toThrow('the message is no text');
  },
  async command(runtime, component) {
    const stdout = new PassThrough();
    const out = stdout.toArray();
    const stdin = Readable.from([Buffer.from('one\ntwo\n')], { objectMode: false });
    const code = await runtime.run(component, { args: ['made', 'Ada'], stdin, stdout, limits });
    stdout.end();
    expect([code, Buffer.concat(await out).toString()]).toEqual([0, 'Hello, Ada!\none\ntwo\n']);
  },
  async handler(runtime, component) {
    const handler = await runtime.load(component, { limits });
    const answer = await runtime.fetch(handler, new Request('http://localhost/?name=Ada'));
    expect([answer.status, await answer.json()]).toEqual([200, { hello: 'Ada' }]);
  },
  async library(runtime, component) {
    const library = await runtime.load(component, { limits });
    expect(await runtime.call(library, 'greet', 'Ada')).toBe('Hello, Ada!');
    expect(await runtime.call(library, 'parse', '1.5')).toBe(1.5);
    await expect(runtime.call(library, 'parse', 'x')).rejects.toMatchObject({ code: 'RUNTIME_COMPONENT_ERROR' });
  },
};

const PROJECTS = [
  ...(['actor', 'command', 'handler', 'library'] as const).flatMap((template) => [
    ['rust', template] as const,
    ['python', template] as const,
    ['c', template] as const,
  ]),
];

/** `npm run toolchains -- --guests` fetches what these need; a compiler that is not there makes no project. */
describe.each(PROJECTS)('a project of viv new --language %s --template %s', (language, template) => {
  it.skipIf(!hasCompiler(tools, language, template))(
    'is built by the commands of its README, and does what it says',
    async () => {
      using folder = temporaryFolder();
      const project = folder.at('project');
      mkdirSync(project);
      await newActor(project, template, language);
      const component = folder.at('made.wasm');
      await makeProject(tools, { language, template, folder: project, to: component });
      await using runtime = await createRuntime();
      await USES[template](runtime, component);
    },
    900_000,
  );
});
