/** What can be granted: the actions of each area. */
export const ACTIONS = {
  messaging: ['send', 'request', 'broadcast', 'publish', 'subscribe'],
  storage: ['read', 'write', 'delete'],
  network: ['connect'],
  filesystem: ['read', 'write'],
  environment: ['read'],
  clock: ['resolution'],
} as const;

export type Area = keyof typeof ACTIONS;
export type Action<A extends Area = Area> = (typeof ACTIONS)[A][number];

export function isArea(text: string): text is Area {
  return Object.hasOwn(ACTIONS, text);
}

export function isAction<A extends Area>(area: A, text: string): text is Action<A> {
  return (ACTIONS[area] as readonly string[]).includes(text);
}
