import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { main } from '../../src/cli/index.ts';
import { readConfig } from '../../src/server/config/index.ts';
import { helloHandler } from '../../tools/components/hello-handler.ts';
import { homeIn } from '../support/home-in.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { viv } from './viv.ts';

it('viv token new prints a token, and lines for a configuration that hold its hash alone', async () => {
  using folder = temporaryFolder();
  const { code, out } = await viv(['token', 'new', 'ci', '--scope', 'deploy', '--scope', 'read', '--valid-for', '1h']);
  expect(code).toBe(0);
  const [token = '', ...lines] = out.split('\n');
  expect(token).toMatch(/^viv_[\w-]{43}$/);
  expect(lines.join('\n')).not.toContain(token);
  await writeFile(folder.at('vivarium.toml'), lines.join('\n'));
  const { tokens } = await readConfig(folder.at('vivarium.toml'));
  const hash = `sha256:${createHash('sha256').update(token).digest('hex')}`;
  expect(tokens).toMatchObject([{ name: 'ci', hash, scopes: ['deploy', 'read'] }]);
  const { objects } = await viv(['token', 'new', 'ops', '--json']);
  expect(objects).toMatchObject([{ name: 'ops', scopes: ['read'] }]);
});

it.each([
  [['token', 'new', 'ci', '--scope', 'all'], 'there are read, send, call, deploy'],
  [['token', 'new', 'a\nb'], 'a name has up to 64'],
])('%j is wrong usage', async (args, message) => {
  const { code, err } = await viv(args);
  expect(code).toBe(2);
  expect(err).toContain(message);
});

it.each([
  ['hash = "viv_abc"\nname = "a"\nscopes = []', 'give sha256: and 64 hex digits'],
  [`hash = "sha256:${'0'.repeat(64)}"\nname = "a"\nscopes = ["all"]`, '"all" is no scope'],
  [`hash = "sha256:${'0'.repeat(64)}"\nname = "a"\nexpires = "soon"`, 'give a time'],
  [`hash = "sha256:${'0'.repeat(64)}"`, 'name is missing'],
])('a token of a configuration is checked: %s', async (text, message) => {
  using folder = temporaryFolder();
  await writeFile(folder.at('vivarium.toml'), `[[tokens]]\n${text}\n`);
  await expect(readConfig(folder.at('vivarium.toml'))).rejects.toThrow(message);
});

it('viv serve has the management API where a token is configured', async () => {
  using folder = temporaryFolder();
  const home = process.env.VIVARIUM_HOME;
  process.env.VIVARIUM_HOME = homeIn(folder.path);
  const [{ token, hash }] = (await viv(['token', 'new', 'ops', '--json'])).objects as [{ token: string; hash: string }];
  await writeFile(folder.at('app.wasm'), await helloHandler());
  const component = '[components.app]\nsource = "app.wasm"\n[[routes]]\ncomponent = "app"\n';
  await writeFile(
    join(folder.path, 'on.toml'),
    `${component}[[tokens]]\nname = "ops"\nhash = "${hash}"\nscopes = ["read"]\n`,
  );
  await writeFile(join(folder.path, 'off.toml'), component);
  const statuses: number[][] = [];
  for (const file of ['on.toml', 'off.toml']) {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const args = ['serve', folder.at(file), '--addr', '127.0.0.1:0', '--json'];
    const done = main(args, { stdin: Readable.from([]), stdout, stderr });
    const line = (await new Promise<Buffer>((resolve) => stdout.once('data', resolve))).toString();
    const { url } = JSON.parse(line) as { url: string };
    const get = async (headers: HeadersInit = {}): Promise<number> =>
      (await fetch(`${url}/-/v1/components`, { headers })).status;
    statuses.push([await get({ authorization: `Bearer ${token}` }), await get()]);
    process.emit('SIGTERM');
    expect(await done).toBe(0);
  }
  expect(statuses).toEqual([
    [200, 401],
    [404, 404],
  ]);
  if (home === undefined) delete process.env.VIVARIUM_HOME;
  else process.env.VIVARIUM_HOME = home;
});
