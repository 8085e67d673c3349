// Generates src/bundle/lockfile/schema.gen.ts from schema.capnp (needs `capnp`, Debian's package capnproto).
// With --check it writes nothing and fails when the committed file differs.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = 'src/bundle/lockfile';
const target = join(folder, 'schema.gen.ts');
const work = mkdtempSync(join(tmpdir(), 'vivarium-schema-'));
try {
  copyFileSync(join(folder, 'schema.capnp'), join(work, 'schema.capnp'));
  const generator = join(process.cwd(), 'node_modules/.bin/capnp-es');
  const { status } = spawnSync(generator, ['schema.capnp', '-ots:.'], {
    cwd: work,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) throw new Error('capnp-es failed; is `capnp` installed?');
  const generated = readFileSync(join(work, 'schema.ts'), 'utf8')
    // Declarations are emitted file by file, for which each static needs its type.
    .replaceAll(
      'static readonly _capnp = {',
      'static readonly _capnp: { displayName: string; id: string; size: $.ObjectSize } = {',
    )
    .replaceAll('static readonly _capnp:', 'static override readonly _capnp:')
    .replaceAll('toString(): string', 'override toString(): string')
    .replaceAll('_capnpFileId =', '_capnpFileId: bigint =');
  if (!process.argv.includes('--check')) writeFileSync(target, generated);
  else if (readFileSync(target, 'utf8') !== generated)
    throw new Error(`${target} is not what ${folder}/schema.capnp gives`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
