import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { componentize } from 'componentize-qjs';
import { build } from 'esbuild';

const here = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** The example actor on the build of QuickJS that is made for speed: 1.6 MB. `viv build` takes the one made for size. */
export async function quickJsComponent(file: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [here('examples/hello/actor.ts')],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    alias: { 'vivarium/guest': here('src/guest/index.ts') },
    external: ['vivarium:*', 'wasi:*'],
    tsconfigRaw: '{}',
  });
  const jsSource = outputFiles[0]?.text ?? '';
  const { component } = await componentize({ witPath: here('wit'), jsSource, sync: true, world: 'guest' });
  writeFileSync(file, component);
  return file;
}
