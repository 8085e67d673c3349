import { cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { GUEST_COMPILER_OPTIONS } from './compiler-options.ts';
import { ProjectError } from './errors.ts';
import {
  FOREIGN,
  type Language,
  type LanguageFiles,
  libraryWorld,
  packageName,
  type Template,
} from './languages/index.ts';

export interface ScaffoldOptions {
  /** An actor by default in TypeScript, and a command in another language. */
  readonly template?: Template | undefined;
  /** `typescript` by default. */
  readonly language?: Language | undefined;
  /** The folder with `actor.wit` and `guest.wit`. */
  readonly witFolder: string;
  /** The folder with the types of `vivarium/guest`. */
  readonly guestTypes: string;
  /** The file that declares the web's globals that a guest has. */
  readonly globalTypes: string;
}

/**
 * Writes a new project: its source, its WIT, types for an editor and, for an actor, a manifest. Building it requires no
 * installation.
 * @param folder must be empty or absent
 * @returns the written files, relative to the folder
 * @throws {ProjectError} `PROJECT_EXISTS`
 */
export async function scaffold(
  folder: string,
  {
    language = 'typescript',
    template = language === 'typescript' ? 'actor' : 'command',
    witFolder,
    guestTypes,
    globalTypes,
  }: ScaffoldOptions,
): Promise<readonly string[]> {
  const target = resolve(folder);
  const present = await readdir(target).catch(() => []);
  if (present.length > 0) {
    throw new ProjectError('PROJECT_EXISTS', `${folder} is not empty; choose another folder`);
  }
  if (language !== 'typescript') return writeForeign(target, language, template, witFolder);
  const files = filesOf(nameOf(target), template);
  await write(target, files);
  await cp(globalTypes, join(target, 'types/globals.d.ts'));
  const written = [...Object.keys(files), 'types/globals.d.ts'];
  if (!usesLibrary(template)) return written;
  const contract = template === 'actor' ? ['wit/actor.wit', 'wit/guest.wit'] : [];
  const globals = join(witFolder, 'globals');
  if (contract.length > 0)
    await cp(witFolder, join(target, 'wit'), { recursive: true, filter: (file) => file !== globals });
  const types = (await readdir(guestTypes)).filter((file) => file.endsWith('.d.ts'));
  for (const file of types) await cp(join(guestTypes, file), join(target, 'types/vivarium-guest', file));
  return [...written, ...contract, 'types/vivarium-guest/index.d.ts'];
}

async function write(target: string, files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(target, file)), { recursive: true });
    await writeFile(join(target, file), text, { flag: 'wx' });
  }
  return Object.keys(files);
}

async function writeForeign(
  target: string,
  language: Exclude<Language, 'typescript'>,
  template: Template,
  witFolder: string,
): Promise<readonly string[]> {
  const { files, commands, contract }: LanguageFiles = FOREIGN[language][template](nameOf(target));
  const ignored = '*.wasm\ntarget\nbindings\n__pycache__\n';
  const written = await write(target, {
    ...files,
    'README.md': readme(nameOf(target), commands),
    '.gitignore': ignored,
  });
  if (contract === 'actor') await cp(join(witFolder, 'actor.wit'), join(target, 'wit/actor.wit'));
  if (contract === 'http') {
    for (const name of ['http', 'io', 'clocks']) {
      await cp(join(witFolder, 'globals', name), join(target, 'wit/deps', name), { recursive: true });
    }
  }
  return written;
}

function readme(name: string, commands: readonly string[]): string {
  return `# ${name}\n\n${commands.map((command) => `    ${command}`.trimEnd()).join('\n')}\n`;
}

/** Whether a template's source may import `vivarium/guest`. */
function usesLibrary(template: Template): boolean {
  return template === 'actor' || template === 'handler';
}

/** Returns the folder's name with the characters replaced that a part of a component id does not permit. */
function nameOf(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9._-]/g, '-')
    .replace(/^[^a-z0-9]+/, '');
  return name.slice(0, 63) || 'actor';
}

function filesOf(name: string, template: Template): Readonly<Record<string, string>> {
  const { source, others, commands } = TEMPLATES[template](name);
  return {
    'src/actor.ts': source,
    ...others,
    'tsconfig.json': `${JSON.stringify(tsconfig(template), null, 2)}\n`,
    'README.md': `${readme(name, commands)}\n\`src/actor.ts\` is the source${template === 'handler' ? '' : ', `wit/` the contract it is built against'}.\n`,
    '.gitignore': '*.wasm\n*.wasm.map\nnode_modules\n',
  };
}

interface TemplateFiles {
  readonly source: string;
  readonly others: Readonly<Record<string, string>>;
  /** The commands to type next, each with a remark. */
  readonly commands: readonly string[];
}

const TEMPLATES: Readonly<Record<Template, (name: string) => TemplateFiles>> = {
  actor: (name) => ({
    source: `import { defineActor } from 'vivarium/guest';

let greeted = 0;

export const lifecycle = defineActor({
  name: '${name}',
  version: '0.1.0',

  /** Handles a message; what it answers is the reply. It may be asynchronous. */
  async onMessage(message) {
    greeted += 1;
    return \`Hello, \${message.text()}! You are number \${greeted}.\`;
  },
});
`,
    others: {
      'actor.toml': `# What this actor asks for. The embedder, or you at the prompt of \`viv start\`, decides.
id = "local/${name}/1"
component = "actor.wasm"

[limits]
max-memory = "64MiB"
max-execution-time = "1s"
`,
    },
    commands: [
      'viv dev                                    # builds and runs it on every change; a line is a message',
      'viv build                                  # makes actor.wasm',
      'viv run actor.wasm --message Ada           # sends it a message',
    ],
  }),
  handler: () => ({
    source: `/** Answers each request in a turn of its own. What it throws is in the log, and the client gets the status 502. */
export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === '/echo') return new Response(await request.bytes());
    return Response.json({ hello: searchParams.get('name') ?? 'world' });
  },
};
`,
    others: {},
    commands: [
      'viv serve . --watch                        # answers http://127.0.0.1:8080/?name=Ada, and builds it on every change',
      'viv build                                  # makes actor.wasm',
      'viv serve actor.wasm                       # answers with that',
    ],
  }),
  library: (name) => ({
    source: `/** What world guest exports; a name in WIT, say-hello, is sayHello here. */
export function greet(name: string): string {
  return \`Hello, \${name}!\`;
}

/** A function with a result answers its ok case, and throws its error case. */
export async function parse(text: string): Promise<number> {
  const value = Number(text);
  if (Number.isNaN(value)) throw new RangeError(\`\${text} is no number\`);
  return value;
}
`,
    others: {
      'wit/world.wit': libraryWorld(name),
    },
    commands: [
      'viv build                                  # makes actor.wasm',
      `viv call actor.wasm greet '["Ada"]'        # calls what it exports`,
    ],
  }),
  command: (name) => ({
    source: `import { getArguments } from 'wasi:cli/environment@0.2.0';

/** A failure is what it throws. */
export const run = {
  async run(): Promise<void> {
    const [, who = 'world'] = getArguments();
    console.log(\`Hello, \${who}!\`);
  },
};
`,
    others: {
      'wit/world.wit': `package local:${packageName(name)};

world guest {
  import wasi:cli/environment@0.2.0;
  export wasi:cli/run@0.2.0;
}
`,
      'wit/deps/cli/cli.wit': `package wasi:cli@0.2.0;

interface environment {
  get-arguments: func() -> list<string>;
}

interface run {
  run: func() -> result;
}
`,
      'types/wasi.d.ts': `declare module 'wasi:cli/environment@0.2.0' {
  export function getArguments(): string[];
}
`,
    },
    commands: [
      'viv build                                  # makes actor.wasm',
      'viv run actor.wasm -- Ada                  # runs it as a command; what it logs is on standard error',
    ],
  }),
};

function tsconfig(template: Template): unknown {
  return {
    compilerOptions: {
      ...GUEST_COMPILER_OPTIONS,
      ...(usesLibrary(template) ? { paths: { 'vivarium/guest': ['./types/vivarium-guest/index.d.ts'] } } : {}),
    },
    include: ['src', 'types'],
    exclude: ['**/*.test.ts'],
  };
}
