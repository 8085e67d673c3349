import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildActor } from '../../src/index.ts';

const FOLDER = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'vivarium', 'tools', 'components');
/** The last release whose components hold 36 MB; later ones have half of it. */
const COMPONENTIZE_PY = 'componentize-py==0.17.2';

/** The example actor on StarlingMonkey: 12 MB. Its componentizer comes from the npm registry. */
export function starlingMonkeyComponent(): Promise<string> {
  return kept('starlingmonkey.wasm', async (output) => {
    await buildActor('examples/hello/actor.ts', { output, engine: 'starlingmonkey' });
  });
}

/** A function of one line in Python: 36 MB. Its componentizer comes from PyPI. */
export function pythonComponent(): Promise<string> {
  return kept('python.wasm', async (output) => {
    const folder = mkdtempSync(join(tmpdir(), 'vivarium-bench-'));
    const run = (program: string, ...args: readonly string[]) =>
      execFileSync(program, args, { cwd: folder, stdio: 'pipe' });
    try {
      run('python3', '-m', 'venv', 'tools');
      run('tools/bin/pip', 'install', '-q', COMPONENTIZE_PY);
      writeFileSync(
        join(folder, 'app.wit'),
        'package bench:python;\nworld app { export greet: func(name: string) -> string; }\n',
      );
      writeFileSync(
        join(folder, 'guest.py'),
        'class WitWorld:\n    def greet(self, name: str) -> str:\n        return name\n',
      );
      run('tools/bin/componentize-py', '-d', 'app.wit', '-w', 'app', 'componentize', 'guest', '-o', output);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

/** A file that is made once on this machine. */
async function kept(name: string, make: (output: string) => Promise<void>): Promise<string> {
  const file = join(FOLDER, name);
  if (existsSync(file)) return file;
  mkdirSync(FOLDER, { recursive: true });
  const making = join(FOLDER, `.${process.pid}-${name}`);
  try {
    await make(making);
    renameSync(making, file);
  } finally {
    rmSync(making, { force: true });
  }
  return file;
}
