import type { Action, Area } from '#core/ports/authority';

/** The actions of each area, in the order in which errors list them. */
export const ACTIONS: { readonly [A in Area]: readonly Action<A>[] } = {
  messaging: ['send', 'request', 'broadcast', 'publish', 'subscribe'],
  storage: ['read', 'write', 'delete'],
  network: ['connect', 'listen', 'send'],
  filesystem: ['read', 'write'],
  environment: ['read'],
  clock: ['resolution'],
};

export function isArea(text: string): text is Area {
  return Object.hasOwn(ACTIONS, text);
}

export function isAction<A extends Area>(area: A, text: string): text is Action<A> {
  return (ACTIONS[area] as readonly string[]).includes(text);
}
