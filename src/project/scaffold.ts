import { cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { ProjectError } from './errors.ts';

export interface ScaffoldOptions {
  /** The folder with `actor.wit` and `guest.wit`. */
  readonly witFolder: string;
  /** The folder with the types of `vivarium/guest`. */
  readonly guestTypes: string;
  /** The file that declares what a guest has of the web. */
  readonly globalTypes: string;
}

/**
 * Writes a new actor's project: its source, its WIT, the types that an editor wants, and a manifest. Nothing has to be
 * installed to build it.
 * @param folder must not exist, or be empty
 * @returns the files written, relative to the folder
 * @throws {ProjectError} `PROJECT_EXISTS`
 */
export async function scaffold(
  folder: string,
  { witFolder, guestTypes, globalTypes }: ScaffoldOptions,
): Promise<readonly string[]> {
  const target = resolve(folder);
  const present = await readdir(target).catch(() => []);
  if (present.length > 0) {
    throw new ProjectError('PROJECT_EXISTS', `${folder} is not empty; choose another folder`);
  }
  const files = filesOf(nameOf(target));
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(target, file)), { recursive: true });
    await writeFile(join(target, file), text, { flag: 'wx' });
  }
  const globals = join(witFolder, 'globals');
  await cp(witFolder, join(target, 'wit'), { recursive: true, filter: (file) => file !== globals });
  const types = (await readdir(guestTypes)).filter((file) => file.endsWith('.d.ts'));
  for (const file of types) await cp(join(guestTypes, file), join(target, 'types/vivarium-guest', file));
  await cp(globalTypes, join(target, 'types/globals.d.ts'));
  return [
    ...Object.keys(files),
    'wit/actor.wit',
    'wit/guest.wit',
    'types/vivarium-guest/index.d.ts',
    'types/globals.d.ts',
  ];
}

/** The folder's name, as far as a part of a component id permits. */
function nameOf(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9._-]/g, '-')
    .replace(/^[^a-z0-9]+/, '');
  return name.slice(0, 63) || 'actor';
}

function filesOf(name: string): Readonly<Record<string, string>> {
  return {
    'src/actor.ts': `import { defineActor } from 'vivarium/guest';

let greeted = 0;

export const lifecycle = defineActor({
  name: '${name}',
  version: '0.1.0',

  /** Handles a message; what it answers is the reply. */
  onMessage(message) {
    greeted += 1;
    return \`Hello, \${message.text()}! You are number \${greeted}.\`;
  },
});
`,
    'actor.toml': `# What this actor asks for. The embedder, or you at the prompt of \`viv start\`, decides.
id = "local/${name}/1"
component = "actor.wasm"

[limits]
max-memory = "64MiB"
max-execution-time = "1s"
`,
    'tsconfig.json': `${JSON.stringify(
      {
        compilerOptions: {
          target: 'es2024',
          lib: ['es2024', 'esnext.iterator', 'esnext.array', 'esnext.disposable'],
          module: 'esnext',
          moduleResolution: 'bundler',
          strict: true,
          noEmit: true,
          allowImportingTsExtensions: true,
          skipLibCheck: true,
          types: [],
          paths: { 'vivarium/guest': ['./types/vivarium-guest/index.d.ts'] },
        },
        include: ['src', 'types'],
      },
      null,
      2,
    )}
`,
    'README.md': `# ${name}

    viv build                                  # makes actor.wasm
    viv run actor.wasm --message Ada           # sends it a message

\`src/actor.ts\` is the actor, \`wit/\` the contract it is built against, \`actor.toml\` what it asks for.
`,
    '.gitignore': '*.wasm\n',
  };
}
