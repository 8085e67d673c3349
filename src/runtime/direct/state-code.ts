import { key } from './code.ts';

/**
 * The text of a class whose instances hold a store's state and have exported functions as methods. Its `calls` are the
 * functions themselves, for who holds the state.
 */
export function interfaceCode(
  functions: readonly { readonly name: string; readonly index: number; readonly params: number }[],
): string {
  const methods = functions.map(({ name, index, params }) => {
    const args = Array.from({ length: params }, (_, at) => `a${at}`).join(', ');
    return `${key(name)}(${args}) { return exported${index}(${['this.s', args].filter(Boolean).join(', ')}); }`;
  });
  const calls = functions.map(({ name, index }) => `${key(name)}: exported${index}`);
  return `class {\nstatic calls = { ${calls.join(', ')} };\nconstructor(s) { this.s = s; }\n${methods.join('\n')}\n}`;
}

/**
 * The text of the class of a store's state. Every slot is a field of its own: a call touches as few cache lines as it
 * can, which is what counts where a thousand stores are called in turn.
 */
export function stateCode(slots: {
  readonly funcs: number;
  readonly adapters: readonly number[];
  readonly instances: number;
}): string {
  const fields = [
    ...slots.adapters.map((index) => `this.adapter${index} = undefined;`),
    ...numbered(slots.funcs, (index) => `this.func${index} = undefined;`),
    // Whether the last thing thrown was the error case of a `result`, which may be any value.
    'this.answeredError = false;',
    // Whether a call of the component instance is running, and whether it may not call out just now.
    ...numbered(slots.instances, (index) => `this.entered${index} = false; this.locked${index} = false;`),
  ];
  return `class extends abi.MemoryView {
constructor({ host, classes }, handles, stop) {
super();
${fields.join('\n')}
this.host = host; this.classes = classes; this.handles = handles; this.stop = stop;
}
fail(thrown) { return abi.fail(thrown, this.stop); }
}`;
}

function numbered(count: number, each: (index: number) => string): string[] {
  return Array.from({ length: count }, (_, index) => each(index));
}
