/** What an actor's definition may have, and the type of each. */
const KINDS: Readonly<Record<string, 'string' | 'function' | 'object'>> = {
  name: 'string',
  version: 'string',
  description: 'string',
  author: 'string',
  license: 'string',
  onStart: 'function',
  operations: 'object',
  onMessage: 'function',
  onTopic: 'function',
  onSocket: 'function',
  onReply: 'function',
  health: 'function',
  onStop: 'function',
};

/**
 * Checks what `defineActor` is given. The top level of a source runs while its component is made, so that a misspelt handler is
 * found then, also where no compiler checks the types.
 * @throws {TypeError} that names what is wrong
 */
export function checkDefinition(definition: object): void {
  // An instance of a class has what it likes beside its handlers, as its state.
  const isPlain = Object.getPrototypeOf(definition) === Object.prototype;
  for (const [key, value] of Object.entries(definition)) {
    const kind = Object.hasOwn(KINDS, key) ? KINDS[key] : undefined;
    if (kind === undefined) {
      if (!isPlain) continue;
      throw new TypeError(`defineActor knows no ${key}; an actor may have ${Object.keys(KINDS).join(', ')}`);
    }
    if (value !== undefined && (typeof value !== kind || value === null)) {
      throw new TypeError(`${key} of an actor is ${shown(value)}, and must be ${article(kind)}`);
    }
  }
  const { name, version, operations = {} } = definition as { name?: string; version?: string; operations?: object };
  if (name === undefined || version === undefined) throw new TypeError('an actor needs a name and a version');
  for (const [operation, value] of Object.entries(operations)) {
    if (typeof value !== 'function') {
      throw new TypeError(`operation ${operation} of an actor is ${shown(value)}, and must be a function`);
    }
  }
}

function shown(value: unknown): string {
  return value === null ? 'null' : article(typeof value);
}

function article(kind: string): string {
  return kind === 'undefined' ? kind : `${kind === 'object' ? 'an' : 'a'} ${kind}`;
}
