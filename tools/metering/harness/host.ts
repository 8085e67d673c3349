import { BASE, type GeneratedModule, type Signature, type ValueType } from '../generator/index.ts';

/** What the guest asked of the host, in order. */
export type HostLog = string[];

/** A host for one run of a generated module: its functions answer from their arguments alone. */
export class Host {
  readonly imports: WebAssembly.Imports;
  readonly log: HostLog = [];
  readonly #env: Record<string, WebAssembly.ImportValue> = {};
  #exports: WebAssembly.Exports = {};

  readonly #onCall: () => void;

  /** `lent` stands in for what the host would give, by the name of the import. */
  constructor(
    { imports }: Pick<GeneratedModule, 'imports'>,
    onCall: () => void = () => {},
    lent: Readonly<Record<string, WebAssembly.ImportValue>> = {},
  ) {
    this.#onCall = onCall;
    for (const one of imports) {
      switch (one.kind) {
        case 'function':
          this.#env[one.name] = this.#function(one.name, one.signature);
          break;
        case 'global':
          this.#env[one.name] = one.mutable ? new WebAssembly.Global({ value: 'i64', mutable: true }, 0n) : BASE;
          break;
        case 'memory':
          this.#env[one.name] = new WebAssembly.Memory({ initial: one.initial, maximum: one.maximum });
          break;
        case 'table':
          this.#env[one.name] = new WebAssembly.Table({
            element: 'anyfunc',
            initial: one.initial,
            maximum: one.maximum,
          });
      }
    }
    Object.assign(this.#env, lent);
    this.imports = { env: this.#env };
  }

  /** What the host's own functions may call back into, and what is read when the run is over. */
  attach(exports: WebAssembly.Exports): void {
    this.#exports = exports;
  }

  /** Objects that the guest can change and the host can read. */
  get shared(): WebAssembly.ImportValue[] {
    return Object.values(this.#env).filter((value) => typeof value === 'object');
  }

  #function(name: string, { results }: Signature): (...args: unknown[]) => unknown {
    return (...args) => {
      this.#onCall();
      this.log.push(`${name}(${args.map(show).join()})`);
      if (name === 'thrower' && Number(args[0]) % 8 === 3) throw new HostRefusal();
      if (name === 'reenter') {
        const back = this.#exports.back;
        return typeof back === 'function' ? back(args[0]) : 0;
      }
      const hash = hashOf(args);
      const answers = results.map((type) => answer(type, hash));
      return answers.length > 1 ? answers : answers[0];
    };
  }
}

/** What a host function throws on its own account. */
export class HostRefusal extends Error {}

/** Integers alone count, so that no bit of a float decides what the guest does next. */
function hashOf(args: readonly unknown[]): number {
  let hash = 7;
  for (const arg of args) {
    if (typeof arg === 'bigint') hash = (hash * 31 + Number(BigInt.asUintN(15, arg))) & 0x7fff;
    if (typeof arg === 'number' && Number.isInteger(arg)) hash = (hash * 31 + (arg & 0x7fff)) & 0x7fff;
  }
  return hash;
}

function answer(type: ValueType, hash: number): unknown {
  if (type === 'i64') return BigInt(hash);
  if (type === 'i32') return hash;
  return type === 'f32' || type === 'f64' ? hash / 4 : null;
}

/** A value as text; references only as null or not, since metering may wrap functions. */
export function show(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'function' || typeof value === 'object') return 'reference';
  return Object.is(value, -0) ? '-0' : String(value);
}
