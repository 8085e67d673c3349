import type { ComponentHandle } from '#core';
import { isVivariumError, messageOf } from '#core/errors';
import { ComponentError } from '#runtime';
import type { Runtime } from '../../src/index.ts';
import { isExpected, toHost } from './component-values.ts';
import { KNOWN, KNOWN_IN_GLUE } from './known-components.ts';
import { type Action, bytesOf, type Command, type Script } from './script.ts';
import type { Tally } from './tally.ts';

/** Enough for every script; that there is a limit has its calls counted. */
const MAX_FUEL = 1_000_000_000n;
const INVALID = 'RUNTIME_INVALID_COMPONENT';

/**
 * Runs a component's test script through the runtime; a command that goes wrong is one line of the tally, and so is one that is
 * known to and does not.
 */
export async function runComponentScript(
  runtime: Runtime,
  script: Script,
  tally: Tally,
  calls: 'direct' | 'glue',
): Promise<void> {
  const known = calls === 'direct' ? KNOWN : { ...KNOWN, ...KNOWN_IN_GLUE };
  await new ComponentRun(runtime, script, tally, known).run();
}

class ComponentRun {
  readonly #runtime: Runtime;
  readonly #script: Script;
  readonly #tally: Tally;
  readonly #known: Readonly<Record<string, string>>;
  readonly #definitions = new Map<string | undefined, Uint8Array>();
  readonly #trapped = new Set<string | undefined>();
  readonly #instances = new Map<string | undefined, ComponentHandle | string>();

  constructor(runtime: Runtime, script: Script, tally: Tally, known: Readonly<Record<string, string>>) {
    this.#runtime = runtime;
    this.#known = known;
    this.#script = script;
    this.#tally = tally;
  }

  async run(): Promise<void> {
    for (const command of this.#script.commands) {
      const problem = await this.#command(command);
      const at = `${this.#script.file}:${command.line}`;
      const known = this.#known[at];
      if (problem === undefined && known === undefined) this.#tally.right++;
      else if (problem === undefined)
        this.#tally.wrong.push(`${at} is right and listed as known to be wrong: ${known}`);
      else if (known !== undefined) this.#tally.skip(known);
      else if (problem.startsWith(NOT_RUN)) this.#tally.skip(problem.slice(NOT_RUN.length));
      else this.#tally.wrong.push(`${at} ${command.type}: ${problem}`);
    }
    for (const handle of new Set(this.#instances.values())) {
      if (typeof handle !== 'string') await this.#runtime.unload(handle).catch(() => {});
    }
  }

  /** What is wrong with a command; undefined when nothing is. */
  async #command(command: Command): Promise<string | undefined> {
    switch (command.type) {
      case 'module':
        return this.#instantiate(command.name, this.#bytes(command));
      case 'module_definition':
        return this.#define(command);
      case 'module_instance': {
        const bytes = this.#definitions.get(command.module);
        if (bytes === undefined) return `no definition ${command.module}`;
        return this.#instantiate(command.instance, bytes);
      }
      case 'action':
      case 'assert_return':
        return this.#assertReturn(command.action as Action, command);
      case 'assert_trap':
        return command.action === undefined ? this.#refusedAtStart(command) : this.#assertTrap(command.action);
      case 'assert_uninstantiable':
        return this.#refusedAtStart(command);
      case 'assert_invalid':
      case 'assert_malformed':
        return this.#refused(this.#bytes(command), [INVALID]);
      default:
        return `${NOT_RUN}${command.type} is no command of components`;
    }
  }

  async #define(command: Command): Promise<string | undefined> {
    const bytes = this.#bytes(command);
    this.#definitions.set(command.name, bytes);
    this.#definitions.set(undefined, bytes);
    try {
      await this.#runtime.unload(await this.#load(bytes));
    } catch (error) {
      // A definition need not have what it takes to be instantiated; it has to be valid.
      if (codeOf(error) === INVALID) return unsupported(error);
    }
    return undefined;
  }

  async #instantiate(name: string | undefined, bytes: Uint8Array): Promise<string | undefined> {
    let found: ComponentHandle | string;
    let problem: string | undefined;
    try {
      found = await this.#load(bytes);
    } catch (error) {
      problem = unsupported(error);
      found = problem;
    }
    this.#instances.set(name, found);
    this.#instances.set(undefined, found);
    return problem;
  }

  #load(bytes: Uint8Array): Promise<ComponentHandle> {
    return this.#runtime.load(bytes, { limits: { maxFuel: MAX_FUEL } });
  }

  #bytes(command: Command): Uint8Array {
    return bytesOf(this.#script, command);
  }

  async #assertReturn(action: Action, { expected }: Command): Promise<string | undefined> {
    const found = await this.#call(action);
    if ('problem' in found) return found.problem;
    if (expected === undefined) return 'error' in found ? messageOf(found.error) : undefined;
    const [wanted] = expected;
    if ('error' in found) {
      // The outermost `result` is answered as its value, or thrown as its error.
      const payload = found.error instanceof ComponentError ? { tag: 'err', val: found.error.payload } : undefined;
      if (wanted?.type === 'result' && isExpected(wanted, payload)) return undefined;
      return messageOf(found.error);
    }
    if (wanted === undefined) return found.value === undefined ? undefined : `answered ${String(found.value)}`;
    const value = wanted.type === 'result' ? { tag: 'ok', val: found.value } : found.value;
    if (isExpected(wanted, value)) return undefined;
    return `answered ${shown(found.value)}, expected ${shown(wanted)}`;
  }

  async #assertTrap(action: Action): Promise<string | undefined> {
    const found = await this.#call(action);
    if ('problem' in found) return found.problem;
    if (!('error' in found)) return `answered ${shown(found.value)} instead of a trap`;
    const code = codeOf(found.error);
    // An instance that has trapped takes no calls, which the scripts call a trap too.
    if (code === 'RUNTIME_TRAP' || (code === 'RUNTIME_WRONG_STATE' && this.#trapped.has(action.module))) {
      this.#trapped.add(action.module);
      return undefined;
    }
    return `ended with ${messageOf(found.error)}`;
  }

  #refusedAtStart(command: Command): Promise<string | undefined> {
    return this.#refused(this.#bytes(command), ['RUNTIME_INSTANTIATION_FAILED']);
  }

  async #refused(bytes: Uint8Array, codes: readonly string[]): Promise<string | undefined> {
    try {
      await this.#runtime.unload(await this.#load(bytes));
      return 'was loaded';
    } catch (error) {
      if (codes.includes(codeOf(error) ?? '')) return undefined;
      const problem = unsupported(error);
      return problem.startsWith(NOT_RUN) ? problem : `was refused with ${problem}`;
    }
  }

  async #call({
    module,
    field,
    args = [],
  }: Action): Promise<{ value: unknown } | { error: unknown } | { problem: string }> {
    const handle = this.#instances.get(module);
    if (handle === undefined) return { problem: `no instance ${module}` };
    if (typeof handle === 'string') return { problem: handle };
    try {
      return { value: await this.#runtime.call(handle, field, ...args.map(toHost)) };
    } catch (error) {
      return { error };
    }
  }
}

const NOT_RUN = 'not run: ';
/** How errors say that a component has no glue: the transpiler refuses it, or it has asynchronous parts. */
const NO_GLUE = /^the transpiler makes no glue|^the artifact has no glue|for which no glue is made$/;

function unsupported(error: unknown): string {
  const features = isVivariumError(error) ? error.details.unsupported : undefined;
  if (NO_GLUE.test(messageOf(error))) return `${NOT_RUN}no glue is made of the component`;
  return features === undefined ? messageOf(error) : `${NOT_RUN}uses ${features}`;
}

function codeOf(error: unknown): string | undefined {
  return isVivariumError(error) ? error.code : undefined;
}

function shown(value: unknown): string {
  return JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? `${each}n` : each)) ?? String(value);
}
