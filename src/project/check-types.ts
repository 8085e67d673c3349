import { execFile } from 'node:child_process';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { GUEST_COMPILER_OPTIONS } from './compiler-options.ts';
import { ProjectError } from './errors.ts';
import { MISSING } from './guest-globals.ts';

/** The number of compiler errors that are shown. */
const MAX_SHOWN = 20;
const MAX_OUTPUT = 4 * 2 ** 20;
const COMPLAINT = /^([^\n(]{1,1000})\((\d{1,9}),(\d{1,9})\): error (TS\d{1,6}): (.{0,2000})$/;
/** Matches an import of a WIT interface without declared types. Such an error is ignored: the componentizer checks that the world has it. */
const UNDECLARED = /^Cannot find module '[a-z][a-z0-9-]{0,63}(?::[^']{1,200})?' or its corresponding type declarations/;

/** Matches the complaint about a global. TypeScript then advises to install types of Node or to change `lib`, which would help no guest. */
const UNKNOWN_NAME = /^Cannot find name '(\w{1,64})'\./;

export interface TypeCheck {
  readonly folder: string;
  readonly entry: string;
  /** The types of `vivarium/guest` and, in `globalTypes`, of the globals, for a project without a tsconfig. */
  readonly guestTypes: string;
  readonly globalTypes: string;
  /** Ends the compiler. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Checks a project with its own TypeScript compiler or, if it has none, with the compiler installed beside Vivarium.
 * @returns a message that says why the types were not checked; undefined if they were
 * @throws {ProjectError} `PROJECT_BUILD_FAILED`, with file and line of each error
 */
export async function checkTypes(check: TypeCheck): Promise<string | undefined> {
  if (/\.[cm]?jsx?$/.test(check.entry)) return undefined;
  const compiler = findCompiler(check.folder);
  if (compiler === undefined) {
    return 'types were not checked: install typescript in the project, or say --no-check';
  }
  const given = join(check.folder, 'tsconfig.json');
  if (await exists(given)) return report(await run(compiler, given, check.signal), check.folder);
  const folder = await mkdtemp(join(tmpdir(), 'vivarium-types-'));
  try {
    const made = join(folder, 'tsconfig.json');
    await writeFile(made, JSON.stringify(configOf(check)), { flag: 'wx' });
    return report(await run(compiler, made, check.signal), folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function configOf({ folder, entry, guestTypes, globalTypes }: TypeCheck): unknown {
  return {
    compilerOptions: {
      ...GUEST_COMPILER_OPTIONS,
      paths: { 'vivarium/guest': [guestTypes] },
    },
    files: [entry, globalTypes],
    // Where `viv types` writes the declarations of what the project's own WIT imports.
    include: [join(folder, 'types')],
  };
}

function findCompiler(folder: string): string | undefined {
  for (const from of [join(folder, 'package.json'), import.meta.url]) {
    try {
      return join(dirname(createRequire(from).resolve('typescript/package.json')), 'bin', 'tsc');
    } catch {
      // There is no compiler here; try the next place.
    }
  }
  return undefined;
}

function run(compiler: string, config: string, signal: AbortSignal | undefined): Promise<string> {
  return new Promise((done, fail) => {
    const args = [compiler, '-p', config, '--noEmit', '--pretty', 'false'];
    const options = { cwd: dirname(config), maxBuffer: MAX_OUTPUT, signal };
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      // A numeric exit code means that the compiler ran and found errors.
      if (error !== null && typeof error.code !== 'number') fail(error);
      else done(`${stdout}${error === null || stdout !== '' ? '' : stderr}`);
    });
  });
}

function report(output: string, base: string): undefined {
  const complaints: string[] = [];
  for (const line of output.split('\n')) {
    const [, file, row, column, code, text] = COMPLAINT.exec(line.trimEnd()) ?? [];
    if (file === undefined) {
      if (/^error TS\d/.test(line)) complaints.push(line);
      continue;
    }
    if (code === 'TS2307' && UNDECLARED.test(text ?? '')) continue;
    const hint =
      code === 'TS2307' && text?.includes("'vivarium/world'")
        ? '; viv types . --guest -o types/wit.d.ts declares it'
        : '';
    const place = `${relative(process.cwd(), resolve(base, file))}:${row}:${column}`;
    complaints.push(`${place}: ${missingGlobal(text ?? '') ?? text}${hint}`);
  }
  if (complaints.length === 0) return undefined;
  const shown = complaints.slice(0, MAX_SHOWN);
  if (complaints.length > MAX_SHOWN) shown.push(`and ${complaints.length - MAX_SHOWN} more`);
  throw new ProjectError('PROJECT_BUILD_FAILED', `the types are wrong (--no-check skips this):\n${shown.join('\n')}`);
}

function missingGlobal(text: string): string | undefined {
  const name = UNKNOWN_NAME.exec(text)?.[1] ?? '';
  return Object.hasOwn(MISSING, name) ? `${name} is not there in a guest: ${MISSING[name]}` : undefined;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
