import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Tools } from './build.ts';

/** Languages of `viv new --language` beside TypeScript. */
type Language = 'rust' | 'python' | 'c';

/** Whether the compiler of a language can be had without fetching anything. */
export function hasCompiler(tools: Tools, language: Language): boolean {
  if (language !== 'rust') return existsSync(tools.at('venv/bin/python'));
  try {
    const args = ['--print', 'target-libdir', '--target', 'wasm32-wasip2'];
    return existsSync(execFileSync('rustc', args, { encoding: 'utf8' }).trim());
  } catch {
    return false;
  }
}

/** Makes the component of a project that `viv new --language` wrote, by the commands of its README. */
export async function makeProject(tools: Tools, language: Language, folder: string, to: string): Promise<void> {
  if (language === 'rust') tools.run('rustc', ['--target', 'wasm32-wasip2', '-O', 'src/main.rs', '-o', to], folder);
  else if (language === 'python') {
    tools.python();
    const args = ['-d', 'wit', '-w', 'command', 'componentize', 'app', '-o', to];
    tools.run(tools.at('venv/bin/componentize-py'), args, folder);
  } else {
    const core = join(folder, 'core.wasm');
    const args = ['-m', 'ziglang', 'cc', '-target', 'wasm32-wasi', '-Os', 'src/main.c', '-o', core];
    tools.run(tools.python(), args, folder);
    await tools.adapt(core, to);
  }
}
