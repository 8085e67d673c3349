import { RuntimeError } from '../errors.ts';

/** Resource classes of an interface that nothing stands behind: a use of what cannot exist ends the store. */
export function unavailable(name: string, resources: readonly string[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(resources.map((resource) => [resource, missing(`${name}#${resource}`)]));
}

/** A resource class whose every method, static or not, ends the store. */
function missing(name: string): unknown {
  const call = unavailableCall(name);
  const members = new Proxy(Object.create(null), {
    get: (_, key) => (typeof key === 'symbol' ? undefined : call),
    has: (_, key) => typeof key === 'string',
  });
  const resource = Object.setPrototypeOf(() => call(), members);
  return Object.defineProperty(
    function Unavailable() {
      return resource();
    },
    'prototype',
    { value: Object.create(members) },
  );
}

function unavailableCall(name: string): () => never {
  return () => {
    throw new RuntimeError('RUNTIME_TRAP', `${name} was used, which no component is given`);
  };
}
