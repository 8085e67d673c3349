// The README's table of commands is what a newcomer chooses from.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { viv } from '../cli/viv.ts';

it('README.md names every command of viv', async () => {
  const { out } = await viv(['--help']);
  const [list = ''] = (out.split('Commands:\n')[1] ?? '').split('\n\n');
  const commands = [...list.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name).filter((name) => name !== 'help');
  expect(commands.length).toBeGreaterThan(10);
  const [, table = ''] = readFileSync('README.md', 'utf8').split('\n## Commands\n');
  const missing = commands.filter((name) => !new RegExp(`^\\|.*\`viv ${name}\\b`, 'm').test(table));
  expect(missing).toEqual([]);
});
