import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { readRegular } from '#files';
import { asLate } from './late-imports.ts';

/** The largest WIT file that is read, about fifty times as large as the largest WASI package. */
const MAX_WIT_BYTES = 4 * 2 ** 20;
const NAME = 'vivarium-build';

export interface World {
  readonly witPath: string;
  readonly world: string;
}

/**
 * Runs `use` with a world that imports and exports more than its own interfaces. The project's WIT is copied, not changed.
 * @param ours the folder with the packages of those interfaces, which have a version that no project uses
 */
export async function withImports<T>(
  { witPath, world }: World,
  { imports, exports = [] }: { readonly imports: readonly string[]; readonly exports?: readonly string[] },
  ours: string,
  use: (world: World) => Promise<T>,
): Promise<T> {
  if (imports.length + exports.length === 0) return use({ witPath, world });
  const folder = await mkdtemp(join(tmpdir(), 'vivarium-world-'));
  try {
    await cp(witPath, folder, { recursive: true, filter: (file) => file !== ours });
    for (const file of await readdir(ours, { recursive: true })) {
      if (!file.endsWith('.wit')) continue;
      const text = (await readRegular(join(ours, file), MAX_WIT_BYTES, { links: 'follow' })).toString('utf8');
      const name = basename(file, '.wit');
      for (const [to, contents] of [
        [`vivarium-${name}`, text],
        [`vivarium-late-${name}`, asLate(text)],
      ] as const) {
        const path = join(folder, 'deps', to, `${name}.wit`);
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, contents);
      }
    }
    const lines = [
      ...imports.map((name) => `  import ${name};\n`),
      ...exports.map((name) => `  export ${name};\n`),
    ].join('');
    await writeFile(join(folder, `${NAME}.wit`), `world ${NAME} {\n  include ${world};\n${lines}}\n`);
    return await use({ witPath: folder, world: NAME });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
