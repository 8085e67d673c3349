import { key, text } from './code.ts';

/**
 * The text of a class whose instances hold a store's state and have exported functions as methods. A component chooses the
 * names of its functions, and no name may change the class: the state is a private field, and method names are computed,
 * because a plain method called `constructor` would be the constructor.
 */
export function interfaceCode(
  functions: readonly { readonly name: string; readonly index: number; readonly params: number }[],
): string {
  const methods = functions.map(({ name, index, params }) => {
    const args = Array.from({ length: params }, (_, at) => `a${at}`).join(', ');
    return `[${exportKey(name)}](${args}) { return exported${index}(${['this.#s', args].filter(Boolean).join(', ')}); }`;
  });
  return `class {\n#s;\nconstructor(s) { this.#s = s; }\nstatic stateOf(object) { return object.#s; }\n${methods.join('\n')}\n}`;
}

const OF_RESOURCE = /^\[(?:constructor|method|static)\]([^.]+)(?:\.([^.]+))?$/;

/** Writes a function's name as the string literal of a property. A function of a resource keeps its WIT name. */
function exportKey(name: string): string {
  const [, resource, member] = OF_RESOURCE.exec(name) ?? [];
  if (resource === undefined) return key(name);
  for (const label of [resource, member]) if (label !== undefined) text(label);
  return JSON.stringify(name);
}

/**
 * The text of the class of a store's state. Every slot is a field of its own, so that a call touches as few cache lines as
 * it can: cache lines decide the speed when the host calls a thousand stores one after the other.
 */
export function stateCode(slots: {
  readonly funcs: number;
  readonly adapters: readonly number[];
  readonly instances: number;
  /** Whether the component defines resources, which the embedder may hold. */
  readonly resources: boolean;
}): string {
  const fields = [
    ...slots.adapters.map((index) => `this.adapter${index} = undefined;`),
    ...numbered(slots.funcs, (index) => `this.func${index} = undefined;`),
    // Whether the last thing thrown was the error case of a `result`, which may be any value.
    'this.answeredError = false;',
    // Whether a call of the component instance is running, and whether the instance may not call its imports at the moment.
    ...numbered(slots.instances, (index) => `this.entered${index} = false; this.locked${index} = false;`),
  ];
  return `class extends abi.MemoryView {
constructor({ host, classes, ours, plain, traced, checks }, handles, store${slots.resources ? ', given' : ''}) {
super();
${fields.join('\n')}
if (suspends) { this.entries = []; this.adapted = []; }
this.host = host; this.classes = classes; this.ours = ours; this.plain = plain; this.traced = traced; this.checks = checks; this.handles = handles; this.store = store;${slots.resources ? ' this.given = given;' : ''}
}
fail(thrown) { return abi.fail(thrown, this.store); }
}`;
}

function numbered(count: number, each: (index: number) => string): string[] {
  return Array.from({ length: count }, (_, index) => each(index));
}
