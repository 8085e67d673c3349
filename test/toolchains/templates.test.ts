import { mkdirSync } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createRuntime } from '../../src/index.ts';
import { newActor } from '../../src/system/operations/index.ts';
import { Tools } from '../../tools/toolchains/build.ts';
import { hasCompiler, makeProject } from '../../tools/toolchains/projects.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const tools = new Tools('.ci/cache/toolchains');

/** `npm run toolchains` fetches what these need; a compiler that is not there makes no project. */
describe.each(['rust', 'python', 'c'] as const)('a project of viv new --language %s', (language) => {
  it.skipIf(!hasCompiler(tools, language))(
    'is built by the commands of its README, and runs as a command',
    async () => {
      using folder = temporaryFolder();
      const project = folder.at('project');
      mkdirSync(project);
      await newActor(project, 'command', language);
      const component = folder.at('made.wasm');
      await makeProject(tools, language, project, component);
      await using runtime = await createRuntime();
      const stdout = new PassThrough();
      const out = stdout.toArray();
      const code = await runtime.run(component, {
        args: ['made', 'Ada'],
        stdin: Readable.from([Buffer.from('one\ntwo\n')], { objectMode: false }),
        stdout,
        limits: { maxExecutionTimeMs: 60_000, maxStartTimeMs: 60_000, maxMemoryBytes: 2 ** 30 },
      });
      stdout.end();
      expect([code, Buffer.concat(await out).toString()]).toEqual([0, 'Hello, Ada!\none\ntwo\n']);
    },
    300_000,
  );
});
