import { createHash } from 'node:crypto';
import type { GeneratedModule } from '../generator/index.ts';
import { Host, HostRefusal, show } from './host.ts';

/** How a module is run: instantiated once, then entered by calls. */
export interface Driver {
  instantiate(module: WebAssembly.Module, imports: WebAssembly.Imports): WebAssembly.Exports;
  call(act: () => unknown): unknown;
}

/** Everything that can be seen of one run from outside. */
export interface Observation {
  /** One line for instantiation and each call; the run ends at the first that does not return or throw. */
  readonly outcomes: readonly string[];
  readonly host: readonly string[];
  /** Memories, globals and tables, exported or shared with the host. */
  readonly state: Readonly<Record<string, string>>;
}

export const plainly: Driver = {
  instantiate: (module, imports) => new WebAssembly.Instance(module, imports).exports,
  call: (act) => act(),
};

/** Instantiates and makes the module's calls one after another. */
export function observe(
  generated: Pick<GeneratedModule, 'imports' | 'calls'>,
  bytes: Uint8Array,
  driver: Driver = plainly,
  onHostCall: () => void = () => {},
): Observation {
  const module = new WebAssembly.Module(new Uint8Array(bytes));
  const host = new Host(generated, onHostCall);
  const outcomes: string[] = [];
  let exports: WebAssembly.Exports = {};
  const started = outcomeOf(() => {
    exports = driver.instantiate(module, host.imports);
    host.attach(exports);
  });
  outcomes.push(started);
  for (const { name, args } of started.startsWith('returned') ? generated.calls : []) {
    if (endsRun(outcomes.at(-1)!)) break;
    const entry = exports[name] as (...args: unknown[]) => unknown;
    outcomes.push(outcomeOf(() => driver.call(() => entry(...args))));
  }
  const shared = Object.fromEntries(host.shared.map((value, index) => [`shared${index}`, stateOf(value)]));
  const own = Object.entries(exports).map(([name, value]) => [name, stateOf(value)] as const);
  return { outcomes, host: host.log, state: { ...shared, ...Object.fromEntries(own) } };
}

/** Whether the store may not be entered again. */
export function endsRun(outcome: string): boolean {
  return outcome.startsWith('trap') || outcome.startsWith('stopped') || outcome.startsWith('refused');
}

export function outcomeOf(act: () => unknown): string {
  try {
    const result = act();
    return `returned ${Array.isArray(result) ? result.map(show).join() : show(result)}`;
  } catch (thrown) {
    if (thrown instanceof HostRefusal) return 'threw what the host threw';
    if (thrown instanceof WebAssembly.Exception) return 'threw';
    if (thrown instanceof WebAssembly.RuntimeError) return 'trap';
    if (thrown instanceof Error && 'code' in thrown) return `stopped ${String(thrown.code)}`;
    // An import or argument of another type than wanted, as mutated modules have.
    if (thrown instanceof WebAssembly.LinkError || thrown instanceof TypeError) return 'refused';
    if (thrown instanceof RangeError) return 'stopped by the stack';
    throw thrown;
  }
}

export function stateOf(value: unknown): string {
  if (value instanceof WebAssembly.Memory) {
    const hash = createHash('sha1').update(new Uint8Array(value.buffer)).digest('hex');
    return `${value.buffer.byteLength} bytes ${hash}`;
  }
  if (value instanceof WebAssembly.Global) return `global ${globalText(value)}`;
  if (value instanceof WebAssembly.Table) {
    const size = Number(value.length);
    const index = (at: number): number => (typeof value.length === 'bigint' ? (BigInt(at) as never) : at);
    return `table ${Array.from({ length: size }, (_, at) => (value.get(index(at)) === null ? '.' : 'x')).join('')}`;
  }
  return typeof value;
}

function globalText(global: WebAssembly.Global): string {
  try {
    return show(global.value);
  } catch (thrown) {
    if (thrown instanceof TypeError) return 'of a type that stays inside';
    throw thrown;
  }
}
