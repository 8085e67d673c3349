import { toCore } from './core-values.ts';
import { type CoreWorld, MeteredWorld, PlainWorld } from './core-world.ts';
import { KNOWN_CORE } from './known-core.ts';
import { type Action, bytesOf, type Command, type Script } from './script.ts';
import { spectest } from './spectest.ts';
import type { Tally } from './tally.ts';

type Instances = Map<string | undefined, WebAssembly.Exports>;

/** One world and the instances that a script made in it. */
interface Side {
  readonly world: CoreWorld;
  readonly instances: Instances;
  readonly registered: Record<string, WebAssembly.Exports>;
}

const NOT_HERE = 'V8 does not compile the module';
const NO_VALUE = 'JavaScript has no such value';

/** Runs a core script plain and metered, step by step: every step ends in the same way on both sides. */
export function runCoreScript(script: Script, tally: Tally): void {
  new CoreRun(script, tally).run();
}

class CoreRun {
  readonly #script: Script;
  readonly #tally: Tally;
  readonly #definitions = new Map<string | undefined, Command>();
  /** What made the sides, to make them anew after a trap. */
  readonly #made: Command[] = [];
  #plain = newSide(new PlainWorld());
  #metered = newSide(new MeteredWorld());

  constructor(script: Script, tally: Tally) {
    this.#script = script;
    this.#tally = tally;
  }

  run(): void {
    for (const command of this.#script.commands) this.#command(command);
  }

  #command(command: Command): void {
    switch (command.type) {
      case 'module_definition':
        this.#definitions.set(command.name, command);
        this.#definitions.set(undefined, command);
        return;
      case 'register':
        this.#made.push(command);
        this.#both((side) => this.#register(side, command));
        return;
      case 'module':
      case 'module_instance':
        if (this.#step(command, (side) => this.#instantiate(side, command))) this.#made.push(command);
        return;
      case 'assert_unlinkable':
      case 'assert_uninstantiable':
        this.#step(command, (side) => this.#instantiate(side, command, false));
        return;
      default:
        if (command.action === undefined) this.#tally.skip(`${command.type} is no command of core scripts`);
        else this.#act(command, command.action);
    }
  }

  #act(command: Command, action: Action): void {
    const args = (action.args ?? []).map(toCore);
    const values = args.map((each) => each?.value);
    const target = this.#plain.instances.get(action.module)?.[action.field];
    if (args.includes(undefined)) this.#tally.skip(NO_VALUE);
    else if (target === undefined) this.#tally.skip(NOT_HERE);
    else this.#call(command, action, values);
  }

  #call(command: Command, action: Action, values: readonly unknown[]): void {
    this.#step(command, ({ world, instances }) => {
      const found = instances.get(action.module)?.[action.field];
      if (action.type === 'get') return world.call(() => (found as WebAssembly.Global).value);
      return world.call(() => (found as (...args: unknown[]) => unknown)(...values));
    });
  }

  /** One step on both sides: whether it ended well. */
  #step(command: Command, act: (side: Side) => string): boolean {
    const [plain, metered] = [act(this.#plain), act(this.#metered)];
    if (plain.includes('did not compile')) this.#tally.skip(NOT_HERE);
    else if (/type incompatibility|v128|exnref/.test(plain)) this.#tally.skip(NO_VALUE);
    else this.#compare(command, plain, metered);
    const well = plain.startsWith('answered') && metered.startsWith('answered');
    if (!well) this.#makeAnew();
    return well;
  }

  #compare({ line, type }: Command, plain: string, metered: string): void {
    const at = `${this.#script.file}:${line}`;
    const known = KNOWN_CORE[at];
    if (plain !== metered && known !== undefined) this.#tally.skip(known);
    else if (plain !== metered) this.#tally.wrong.push(`${at} ${type}: plain ${plain}, metered ${metered}`);
    else if (known !== undefined) this.#tally.wrong.push(`${at} is right and listed as known to be wrong: ${known}`);
    else this.#tally.right++;
  }

  /** A metered store ends with a trap, so the plain one does too: both begin again with the same instances. */
  #makeAnew(): void {
    this.#plain = newSide(new PlainWorld());
    this.#metered = newSide(new MeteredWorld());
    for (const command of this.#made) {
      this.#both((side) => {
        if (command.type === 'register') this.#register(side, command);
        else this.#instantiate(side, command);
      });
    }
  }

  #both(act: (side: Side) => void): void {
    act(this.#plain);
    act(this.#metered);
  }

  #register({ instances, registered }: Side, { name, as = '' }: Command): void {
    const found = instances.get(name);
    if (found !== undefined) registered[as] = found;
  }

  #instantiate({ world, instances, registered }: Side, command: Command, keep = true): string {
    const definition = command.type === 'module_instance' ? this.#definitions.get(command.module) : command;
    if (definition === undefined) return 'has no definition';
    const bytes = bytesOf(this.#script, definition);
    let exports: WebAssembly.Exports | undefined;
    const end = world.call(() => {
      exports = world.instantiate(bytes, registered);
      return undefined;
    });
    if (keep && exports !== undefined) {
      instances.set(command.type === 'module_instance' ? command.instance : command.name, exports);
      instances.set(undefined, exports);
    }
    return end;
  }
}

function newSide(world: CoreWorld): Side {
  return { world, instances: new Map(), registered: { spectest: spectest() } as Record<string, WebAssembly.Exports> };
}
