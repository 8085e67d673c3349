import type { ComponentHandle } from '#core';
import type { Quota } from '#core/limits';
import { ArgumentRefused, RuntimeError } from '../errors.ts';

/** What V8 keeps for an object that stands for a resource, with its record and what watches for its collection. */
const GIVEN_BYTES = 512;
/** As many resources of one store the embedder holds at most. */
const MAX_GIVEN = 100_000;

/** A resource type that a component exports. */
export interface ResourceType {
  /** Its name in WIT, as `cart`. */
  readonly name: string;
  /** What stands before the names of its functions: its interface and `#`, or nothing. */
  readonly path: string;
  /** The names of its methods in WIT, and the properties by which an object has them. */
  readonly methods: readonly { readonly name: string; readonly property: string }[];
}

/** What a store keeps for the resources of its component. */
export interface ResourceHolder {
  /** Takes bytes from what the host keeps for the store; answers false where so much is not left. */
  charge(bytes: number): boolean;
  /** Makes the store's table of what the embedder holds. @param destroy calls the guest's destructor, within a turn */
  hold(destroy: (type: ResourceType, representation: unknown) => void): GivenResources;
}

/** By which the methods of resources become turns. */
export interface ResourceCalls {
  /** Calls an export in a turn of its own. */
  call(handle: ComponentHandle, name: string, args: readonly unknown[]): Promise<unknown>;
  /** Runs what is left to run before the next turn in one of its own; nothing where the component takes no turns. */
  drop(handle: ComponentHandle): Promise<void>;
}

/** One resource that an embedder holds. Its object leads here; the registry leads here alone. */
interface Given {
  readonly owner: GivenResources;
  readonly type: ResourceType;
  readonly representation: unknown;
  state: 'held' | 'claimed' | 'dropped' | 'given away';
  /** Places of the call that runs that it is lent to. */
  lends: number;
}

/** A method of a resource: a turn of its component, as `runtime.call` is. */
export type ResourceMethod = (...args: readonly unknown[]) => Promise<unknown>;

/**
 * A resource that a component gave to its embedder: its methods by their names in camelCase, each a turn of the component.
 * Give it as an argument to the component's functions: an `own` moves it, a `borrow` lends it. `Symbol.dispose` has it
 * dropped in the component's next turn, as the garbage collector does; `Symbol.asyncDispose` and `runtime.drop` take a
 * turn for it and wait for that.
 */
export interface ComponentResource extends Disposable, AsyncDisposable {
  readonly [method: string]: ResourceMethod;
}

/** The object itself: it leads to its record. */
export class ResourceObject implements ComponentResource {
  readonly #given: Given;
  readonly [method: string]: ResourceMethod;

  constructor(given: Given) {
    this.#given = given;
  }

  /** The record of a resource; undefined for anything else. */
  static recordOf(value: unknown): Given | undefined {
    return typeof value === 'object' && value !== null && #given in value ? value.#given : undefined;
  }

  [Symbol.dispose](): void {
    this.#given.owner.drop(this.#given);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return dropNow(this);
  }
}

/** Drops a resource in a turn that it takes for it. @throws what the destructor ends with: `RUNTIME_…`, `METERING_…` */
export async function dropNow(resource: ComponentResource): Promise<void> {
  const given = ResourceObject.recordOf(resource);
  if (given === undefined)
    throw new ArgumentRefused('RUNTIME_INVALID_ARGUMENT', 'a resource of a component is expected');
  if (given.owner.drop(given)) await given.owner.dropNow();
}

/** Told of the records of objects that are gone. Nothing of a guest's runs here: a drop is noted for the next turn. */
const collected = new FinalizationRegistry<Given>((given) => void given.owner.drop(given));

const classes = new WeakMap<ResourceType, new (given: Given) => ResourceObject>();

/** The resources of one store that its embedder holds, and those that are to be dropped in its next turn. */
export class GivenResources {
  readonly #handle: ComponentHandle;
  readonly #calls: ResourceCalls;
  readonly #hostMemory: Quota;
  readonly #wake: () => void;
  readonly #destroy: (type: ResourceType, representation: unknown) => void;
  readonly #held = new Set<Given>();
  #dropped: Given[] = [];
  #claimed: Given[] = [];
  #ended = false;

  /**
   * @param wake told that something waits for the next turn
   * @param destroy calls the guest's destructor; within a turn alone
   */
  constructor(
    parts: { readonly handle: ComponentHandle; readonly calls: ResourceCalls; readonly hostMemory: Quota },
    wake: () => void,
    destroy: (type: ResourceType, representation: unknown) => void,
  ) {
    this.#handle = parts.handle;
    this.#calls = parts.calls;
    this.#hostMemory = parts.hostMemory;
    this.#wake = wake;
    this.#destroy = destroy;
  }

  /** How many resources the embedder holds. */
  get size(): number {
    return this.#held.size;
  }

  /** The object for a resource that the guest gives to the embedder. */
  give(type: ResourceType, representation: unknown): ComponentResource {
    if (this.#held.size >= MAX_GIVEN || !this.#hostMemory.take(GIVEN_BYTES)) {
      const message = `the embedder holds ${this.#held.size} resources of the component, and no more are kept for it; drop them`;
      throw new RuntimeError('RUNTIME_TRAP', message);
    }
    const given: Given = { owner: this, type, representation, state: 'held', lends: 0 };
    this.#held.add(given);
    const object = new (classOf(type))(given);
    collected.register(object, given, given);
    return object;
  }

  /**
   * Marks an argument as given away or lent by the call that is about to be made.
   * @param argument its place, from 1
   * @throws {ArgumentRefused} where it is no resource of the type, or one that the caller does not have any more
   */
  claim(type: ResourceType, value: unknown, own: boolean, argument: number): Given {
    const given = ResourceObject.recordOf(value);
    const refuse = (what: string, code: 'RUNTIME_INVALID_ARGUMENT' | 'RUNTIME_WRONG_STATE'): never => {
      throw new ArgumentRefused(code, `argument ${argument}: a ${type.name} is expected, not ${what}`, {
        details: { argument },
      });
    };
    if (given === undefined) return refuse('something that the component never gave', 'RUNTIME_INVALID_ARGUMENT');
    if (given.owner !== this) {
      if (given.owner.#ended) return refuse('one whose instance of the component has ended', 'RUNTIME_WRONG_STATE');
      return refuse("another component's resource", 'RUNTIME_INVALID_ARGUMENT');
    }
    if (given.type !== type) return refuse(`a ${given.type.name}`, 'RUNTIME_INVALID_ARGUMENT');
    const { state } = given;
    if (state === 'claimed' || (own && given.lends > 0)) {
      return refuse('one that the same call gives away', 'RUNTIME_INVALID_ARGUMENT');
    }
    if (state !== 'held') return refuse(`one that was ${state}`, 'RUNTIME_INVALID_ARGUMENT');
    if (own) given.state = 'claimed';
    else given.lends += 1;
    this.#claimed.push(given);
    return given;
  }

  /** The call is not made after all. */
  disclaim(): void {
    for (const given of this.#claimed) {
      given.state = 'held';
      given.lends = 0;
    }
    this.#claimed = [];
  }

  /** The call has ended: what was lent is back, what was given away is the guest's. */
  endCall(): void {
    if (this.#claimed.length === 0) return;
    for (const given of this.#claimed) {
      given.lends = 0;
      if (given.state === 'claimed') this.#letGo(given, 'given away');
    }
    this.#claimed = [];
  }

  /** What the guest knows a claimed argument by. */
  representation(value: unknown): unknown {
    return ResourceObject.recordOf(value)?.representation;
  }

  /** Notes that a resource is to be dropped in the next turn. Answers false where nothing is left to drop. */
  drop(given: Given): boolean {
    if (given.state !== 'held' || this.#ended) return false;
    this.#letGo(given, 'dropped');
    this.#dropped.push(given);
    this.#wake();
    return true;
  }

  /** Notes it for every resource that the embedder still holds. */
  dropAll(): void {
    for (const given of this.#held) this.drop(given);
  }

  /** Takes a turn for what was noted. */
  dropNow(): Promise<void> {
    return this.#calls.drop(this.#handle);
  }

  /** Destroys what was noted; within a turn. */
  runDrops(): void {
    const dropped = this.#dropped;
    this.#dropped = [];
    for (const { type, representation } of dropped) this.#destroy(type, representation);
  }

  /** Calls one of the methods of a resource in a turn. */
  callMethod(resource: ComponentResource, name: string, args: readonly unknown[]): Promise<unknown> {
    return this.#calls.call(this.#handle, name, [resource, ...args]);
  }

  /** The store has ended, and its guest's resources with it: no destructor runs any more. */
  end(): void {
    this.#ended = true;
    for (const given of this.#held) collected.unregister(given);
    this.#held.clear();
    this.#dropped = [];
  }

  #letGo(given: Given, state: 'dropped' | 'given away'): void {
    given.state = state;
    this.#held.delete(given);
    this.#hostMemory.giveBack(GIVEN_BYTES);
    collected.unregister(given);
  }
}

/** A name that an object must not have as a method, since JavaScript itself calls it. */
function isTaken(property: string): boolean {
  return property === 'then' || property === 'toJSON' || property in Object.prototype;
}

/** The class of a type's objects, with its methods. */
function classOf(type: ResourceType): new (given: Given) => ResourceObject {
  const known = classes.get(type);
  if (known !== undefined) return known;
  const made = class extends ResourceObject {};
  for (const { name, property } of type.methods) {
    if (isTaken(property)) continue;
    const method = async function (this: unknown, ...args: readonly unknown[]): Promise<unknown> {
      const given = ResourceObject.recordOf(this);
      if (given === undefined)
        throw new ArgumentRefused('RUNTIME_INVALID_ARGUMENT', `${name} is called of no resource`);
      return given.owner.callMethod(this as ComponentResource, `${type.path}${name}`, args);
    };
    Object.defineProperty(made.prototype, property, { value: method });
  }
  classes.set(type, made);
  return made;
}
