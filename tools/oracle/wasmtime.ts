import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** The release whose fuel numbers ours are to equal. */
export const WASMTIME_VERSION = '50.0.1';

export interface WasmtimeImport {
  readonly kind: 'function' | 'global' | 'memory' | 'table';
  readonly name: string;
  readonly params?: readonly string[];
  readonly results?: readonly string[];
  readonly type?: string;
  readonly mutable?: boolean;
  readonly initial?: number;
  readonly maximum?: number;
}

export interface WasmtimeCall {
  readonly name: string;
  readonly args: readonly { readonly type: string; readonly value: number | string | null }[];
}

interface Job {
  readonly bytes: Uint8Array;
  readonly imports: readonly WasmtimeImport[];
}

/** What wasmtime made of a module: how each entry ended, and the fuel spent after each, from the first. */
export interface WasmtimeRun {
  readonly outcomes: readonly string[];
  readonly totals: readonly bigint[];
}

/** Milliseconds of one call, the quickest of its rounds. */
export interface WasmtimeTimes {
  readonly plain: number;
  readonly fuel: number;
  readonly epoch: number;
}

/** wasmtime cannot be had here; the message says why. */
export class NoWasmtime extends Error {}

/** One wasmtime in a child process, which answers job by job. */
export class Wasmtime implements Disposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;
  readonly #interface: Interface;

  private constructor(python: string) {
    const script = fileURLToPath(new URL('./wasmtime_fuel.py', import.meta.url));
    this.#child = spawn(python, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#interface = createInterface(this.#child.stdout);
    this.#lines = this.#interface[Symbol.asyncIterator]();
  }

  /** @throws {NoWasmtime} when it is neither installed nor can be */
  static async start(python: string = environment()): Promise<Wasmtime> {
    const started = new Wasmtime(python);
    const { wasmtime } = (await started.#line()) as { wasmtime?: string };
    if (wasmtime !== WASMTIME_VERSION) {
      started[Symbol.dispose]();
      throw new NoWasmtime(`${python} has wasmtime ${wasmtime}; ${WASMTIME_VERSION} is wanted`);
    }
    return started;
  }

  /** Whether an environment of an earlier run is there, so that nothing would be installed. */
  static get installed(): boolean {
    return Wasmtime.python !== undefined;
  }

  /** The Python of that environment; undefined where there is none. */
  static get python(): string | undefined {
    const python = pythonOf(folder());
    return existsSync(python) ? python : undefined;
  }

  async run({ bytes, imports }: Job, calls: readonly WasmtimeCall[]): Promise<WasmtimeRun | { refused: string }> {
    const answer = (await this.#ask({ wasm: base64(bytes), imports, calls })) as {
      refused?: string;
      outcomes: string[];
      costs: string[];
    };
    if (answer.refused !== undefined) return { refused: answer.refused };
    return { outcomes: answer.outcomes, totals: answer.costs.map(BigInt) };
  }

  async bench({ bytes, imports }: Job, call: WasmtimeCall, rounds: number): Promise<WasmtimeTimes> {
    const job = { wasm: base64(bytes), imports, bench: call.name, args: call.args, rounds };
    return (await this.#ask(job)) as WasmtimeTimes;
  }

  [Symbol.dispose](): void {
    this.#interface.close();
    this.#child.kill();
  }

  async #ask(job: object): Promise<unknown> {
    this.#child.stdin.write(`${JSON.stringify(job)}\n`);
    return this.#line();
  }

  async #line(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done) throw new NoWasmtime('the process with wasmtime ended; what it wrote stands above');
    return JSON.parse(value);
  }
}

/** A virtual environment in the folder for temporary files, made on first use. Gives its Python. */
function environment(): string {
  const python = pythonOf(folder());
  if (existsSync(python)) return python;
  try {
    execFileSync('python3', ['-m', 'venv', folder()], { stdio: 'pipe' });
    execFileSync(python, ['-m', 'pip', 'install', '--quiet', `wasmtime==${WASMTIME_VERSION}`], { stdio: 'pipe' });
  } catch (cause) {
    rmSync(folder(), { recursive: true, force: true });
    throw new NoWasmtime(`wasmtime ${WASMTIME_VERSION} cannot be installed with python3 and pip`, { cause });
  }
  return python;
}

function folder(): string {
  return join(tmpdir(), `vivarium-wasmtime-${WASMTIME_VERSION}`);
}

function pythonOf(venv: string): string {
  return join(venv, 'bin', 'python');
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
