import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodeLockfile } from '../../../src/bundle/lockfile/encode.ts';
import { lockfiles, rooted } from '../../support/lockfile-arbitrary.ts';
import { describeWithPrograms } from '../../support/real-server.ts';

const SCHEMA = 'src/bundle/lockfile/schema.capnp';

describeWithPrograms(['capnp'], 'the canonical form', () => {
  it('is the one that the reference implementation writes, for any lockfile', async () => {
    await fc.assert(
      fc.asyncProperty(lockfiles, async (generated) => {
        const bytes = encodeLockfile(await rooted(generated));
        const convert = spawnSync('capnp', ['convert', 'binary:canonical', SCHEMA, 'CacheLockfile'], { input: bytes });
        expect(convert.stderr.toString()).toBe('');
        // The reference writes the segment without the stream's frame header.
        expect(convert.stdout).toEqual(Buffer.from(bytes.subarray(8)));
      }),
      { numRuns: 200 },
    );
  });

  it('comes from generated code that the schema still gives', () => {
    const check = spawnSync(process.execPath, ['scripts/lockfile-schema.ts', '--check']);
    expect(check.stderr.toString()).toBe('');
    expect(check.status).toBe(0);
  });
});
