import type { ComponentHandle } from '#core';
import type { Quota } from '#core/limits';
import { isTaken } from '#runtime/names';
import { ArgumentRefused, RuntimeError } from '../errors.ts';

/** V8 keeps about this many bytes for an object that stands for a resource, its record and its entry in the finalization registry. */
const GIVEN_BYTES = 512;
/** The embedder may hold at most this many resources of one store. */
const MAX_GIVEN = 100_000;

/** A resource type that a component exports. */
export interface ResourceType {
  /** Its name in WIT, for example `cart`. */
  readonly name: string;
  /** The prefix of its functions' names: its interface and `#`, or nothing. */
  readonly path: string;
  /** Its methods: the name of each in WIT, and the JavaScript property that holds it. */
  readonly methods: readonly { readonly name: string; readonly property: string }[];
}

/** What a store does for the resources of its component. */
export interface ResourceHolder {
  /** Makes the store's table of resources that the embedder holds. @param destroy calls the guest's destructor, within a turn */
  hold(destroy: (type: ResourceType, representation: unknown) => void): GivenResources;
}

/** Runs turns for the methods and drops of resources. */
export interface ResourceCalls {
  /** Calls an export in its own turn. */
  call(handle: ComponentHandle, name: string, args: readonly unknown[]): Promise<unknown>;
  /** Runs a turn that drops the resources noted for dropping. It does nothing if the component takes no turns. */
  drop(handle: ComponentHandle): Promise<void>;
}

/** The record of one resource that an embedder holds. The object refers to it; the finalization registry holds it without the object. */
interface Given {
  readonly owner: GivenResources;
  readonly type: ResourceType;
  readonly representation: unknown;
  state: 'held' | 'claimed' | 'dropped' | 'given away';
  /** The number of arguments of the current call that borrow it. */
  lends: number;
}

/** Resources that a call was given or lent. */
export type Claims = readonly Given[];

const NO_CLAIMS: Claims = [];

/** A method of a resource. Like `runtime.call`, it runs a turn of the component. */
export type ResourceMethod = (...args: readonly unknown[]) => Promise<unknown>;

/**
 * A resource that a component gave to its embedder. Its methods have their WIT names in camelCase, and each runs a turn of the
 * component. Pass the resource as an argument to the component's functions: an `own` parameter moves it, a `borrow` parameter lends it.
 * `Symbol.dispose` drops it in the component's next turn, as the garbage collector does. `Symbol.asyncDispose` and `runtime.drop` run a
 * turn that drops it, and wait for that turn.
 */
export interface ComponentResource extends Disposable, AsyncDisposable {
  readonly [method: string]: ResourceMethod;
}

/** The object that the embedder holds. It refers to its record. */
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

/** Drops a resource and runs a turn for its destructor. @throws the error of the destructor: `RUNTIME_…`, `METERING_…` */
export async function dropNow(resource: object): Promise<void> {
  const given = ResourceObject.recordOf(resource);
  if (given === undefined)
    throw new ArgumentRefused('RUNTIME_INVALID_ARGUMENT', 'a resource of a component is expected');
  if (given.owner.drop(given)) await given.owner.dropNow();
}

/** Receives the records of collected objects. No guest code runs here: the callback only notes the drop for the next turn. */
const collected = new FinalizationRegistry<Given>((given) => void given.owner.drop(given));

const classes = new WeakMap<ResourceType, new (given: Given) => ResourceObject>();

/** The resources of one store that its embedder holds, and those that the store's next turn drops. */
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
   * @param wake called when the next turn has a resource to drop
   * @param destroy calls the guest's destructor; it must be called within a turn
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

  /** The number of resources that the embedder holds. */
  get size(): number {
    return this.#held.size;
  }

  /** Makes the object for a resource that the guest gives to the embedder. @throws {RuntimeError} `RUNTIME_TRAP` beyond the limits */
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
   * Marks a resource as given away, or lent, by the call that is about to be made.
   * @param argument the position of the argument, from 1
   * @throws {ArgumentRefused} if the value is not a resource of the type, or the caller no longer holds it
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

  /** Undoes the claims, because the call is not made after all. */
  disclaim(): void {
    for (const given of this.#claimed) {
      if (given.state === 'claimed') given.state = 'held';
      else given.lends -= 1;
    }
    this.#claimed = [];
  }

  /** The claims of the call that is made now, for `endCall`. Other calls may claim more before that one ends. */
  takeClaims(): Claims {
    const claimed = this.#claimed;
    if (claimed.length === 0) return NO_CLAIMS;
    this.#claimed = [];
    return claimed;
  }

  /** Ends the claims of a call that has ended: lent resources are back with the embedder, and the guest owns those given away. */
  endCall(claims: Claims = this.takeClaims()): void {
    for (const given of claims) {
      if (given.state === 'claimed') this.#letGo(given, 'given away');
      else given.lends -= 1;
    }
  }

  /** The value by which the guest knows a resource. */
  representation(value: unknown): unknown {
    return ResourceObject.recordOf(value)?.representation;
  }

  /** Notes a resource, so that the next turn drops it. Returns false if there is nothing to drop. */
  drop(given: Given): boolean {
    if (given.state !== 'held' || this.#ended) return false;
    this.#letGo(given, 'dropped');
    this.#dropped.push(given);
    this.#wake();
    return true;
  }

  /** Notes every resource that the embedder still holds. */
  dropAll(): void {
    for (const given of this.#held) this.drop(given);
  }

  /** Runs a turn that drops the noted resources. */
  dropNow(): Promise<void> {
    return this.#calls.drop(this.#handle);
  }

  /** Calls the destructors of the noted resources. It must be called within a turn. */
  runDrops(): void {
    const dropped = this.#dropped;
    this.#dropped = [];
    for (const { type, representation } of dropped) this.#destroy(type, representation);
  }

  /** Calls a method of a resource in a turn. */
  callMethod(resource: ComponentResource, name: string, args: readonly unknown[]): Promise<unknown> {
    return this.#calls.call(this.#handle, name, [resource, ...args]);
  }

  /** Forgets all resources, because the store has ended. No destructor runs any more. */
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

/** Returns the class for the objects of a resource type, with the methods of the type. */
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
