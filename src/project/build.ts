import { access, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { messageOf } from '#core/errors';
import { bundleActor } from './bundle-actor.ts';
import { ProjectError } from './errors.ts';
import { withImports } from './extended-world.ts';
import { withNames } from './late-imports.ts';
import { starlingMonkey } from './starlingmonkey.ts';

export type GuestEngine = 'qjs' | 'starlingmonkey';

export interface BuildOptions {
  /** The file that `import … from 'vivarium/guest'` stands for. */
  readonly guestLibrary: string;
  /** The WIT folder to use where the project has none. */
  readonly witFolder: string;
  /** Where the component goes; `actor.wasm` in the project's folder by default. */
  readonly output?: string | undefined;
  readonly engine?: GuestEngine | undefined;
  readonly world?: string | undefined;
}

export interface BuiltComponent {
  readonly file: string;
  readonly bytes: number;
  readonly engine: GuestEngine;
  /** What the actor uses and a guest has not, each with its file and line. */
  readonly warnings: readonly string[];
}

const ENTRIES = ['src/actor.ts', 'src/actor.js', 'actor.ts', 'actor.js'];

/**
 * Makes a component of a TypeScript or JavaScript actor: everything it imports is bundled, and the bundle is put into
 * a component together with a JavaScript engine. Needs neither network nor `npm install`.
 * @param project the project's folder, or its entry file
 * @throws {ProjectError} `PROJECT_NOT_FOUND`, `PROJECT_BUILD_FAILED`
 */
export async function build(project: string, options: BuildOptions): Promise<BuiltComponent> {
  const { folder, entry } = await findEntry(project);
  const witPath = (await exists(join(folder, 'wit'))) ? join(folder, 'wit') : options.witFolder;
  const file = resolve(options.output ?? join(folder, 'actor.wasm'));
  const { guestLibrary, witFolder, engine = 'qjs', world = 'guest' } = options;
  const { source, sourceMap, imports, warnings } = await bundleActor({ entry, guestLibrary, witPath, output: file });
  const component = await withImports({ witPath, world }, imports, join(witFolder, 'globals'), (extended) =>
    componentize(engine, source, extended.witPath, extended.world),
  );
  await write(file, component);
  await write(`${file}.map`, sourceMap);
  return { file, bytes: component.length, engine, warnings };
}

async function write(file: string, contents: string | Uint8Array): Promise<void> {
  await writeFile(file, contents).catch((cause) => {
    throw new ProjectError('PROJECT_BUILD_FAILED', `${file} cannot be written: ${messageOf(cause)}`, { cause });
  });
}

async function findEntry(project: string): Promise<{ folder: string; entry: string }> {
  const path = resolve(project);
  const stats = await stat(path).catch(() => undefined);
  if (stats?.isFile()) return { folder: resolve(path, '..'), entry: path };
  for (const candidate of ENTRIES) {
    const entry = join(path, candidate);
    if (await exists(entry)) return { folder: path, entry };
  }
  throw new ProjectError(
    'PROJECT_NOT_FOUND',
    `${project} holds no actor; looked for ${ENTRIES.join(', ')}. Make one with viv new`,
  );
}

async function componentize(engine: GuestEngine, source: string, witPath: string, world: string): Promise<Uint8Array> {
  try {
    if (engine === 'starlingmonkey') return await starlingMonkey(source, witPath, world);
    const { default: qjs } = await import('componentize-qjs');
    // `sync`: the default takes the asynchronous ABI, which a turn on one thread has no use for.
    const { component } = await qjs.componentize({ witPath, jsSource: source, sync: true, optSize: true, world });
    return withNames(component);
  } catch (cause) {
    if (cause instanceof ProjectError) throw cause;
    const message = messageOf(cause);
    const [, unknown] = /Error resolving module '([^']{1,512})'/.exec(message) ?? [];
    const why = unknown === undefined ? message : `world ${world} of ${witPath} does not import ${unknown}`;
    throw new ProjectError('PROJECT_BUILD_FAILED', `the actor cannot be made a component: ${why}`, { cause });
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
