import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('plugin-host: runs what a trusted vendor signed, within what its manifest may ask for', async () => {
  const program = ['examples/plugin-host/main.ts'];
  const { stdout } = await promisify(execFile)(process.execPath, program, { timeout: 600_000 });
  const lines = stdout.trimEnd().split('\n');
  expect(lines).toEqual([
    expect.stringContaining('notes: SECURITY_UNTRUSTED'),
    'snoop: refused, it asks for storage:read:**',
    'notes: started with filesystem:write:/exports/notes/** storage:read:notes/** storage:write:notes/**',
    'kept today',
    'sign everything',
    'saved 15 bytes as notes/today.txt',
    'exported: sign everything',
    'could not save notes/../index.txt: access',
    'could not save index.txt: access',
    expect.stringContaining('grant storage:read:accounts'),
    expect.stringContaining('notes: SECURITY_BAD_SIGNATURE'),
    'on record:',
    '  plugins/notes/1 was refused: load',
    '  plugins/notes/1 was refused: filesystem:write /exports/index.txt',
    '  plugins/notes/1 was refused: storage:read accounts',
    '  plugins/notes/1 was refused: load',
    '  plugins/notes/1 was refused: filesystem:write /exports/index.txt',
  ]);
});
