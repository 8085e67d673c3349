/** A component, and the one to which it passes requests on. */
export interface Link {
  readonly name: string;
  readonly next?: string | undefined;
}

export interface ChainProblem {
  readonly key: string;
  readonly message: string;
}

/** Finds each `next` that names no component, or that leads back to where it begins: a request would go round for ever. */
export function chainProblems(links: readonly Link[]): readonly ChainProblem[] {
  const nextOf = new Map(links.map(({ name, next }) => [name, next]));
  return links.flatMap(({ name, next }) => {
    if (next === undefined) return [];
    const key = `components.${name}.next`;
    if (!nextOf.has(next)) return [{ key, message: `${key}: there is no [components.${next.slice(0, 80)}]` }];
    return leadsBack(name, nextOf)
      ? [{ key, message: `${key}: the requests that ${name} passes on come back to it` }]
      : [];
  });
}

/** Sorts components so that each comes after the one to which it passes requests on. The links lead nowhere in a circle. */
export function lastFirst<L extends Link>(links: readonly L[]): readonly L[] {
  const found = new Map(links.map((link) => [link.name, link]));
  const sorted = new Set<L>();
  for (const link of links) {
    const chain: L[] = [];
    for (let at: L | undefined = link; at !== undefined && !sorted.has(at) && !chain.includes(at); ) {
      chain.push(at);
      at = at.next === undefined ? undefined : found.get(at.next);
    }
    for (const each of chain.reverse()) sorted.add(each);
  }
  return [...sorted];
}

/** Whether the requests that a component passes on come back to it. */
export function leadsBack(name: string, nextOf: ReadonlyMap<string, string | undefined>): boolean {
  const seen = new Set<string>();
  for (let at = nextOf.get(name); at !== undefined && !seen.has(at); at = nextOf.get(at)) {
    if (at === name) return true;
    seen.add(at);
  }
  return false;
}

/** All components to which requests come that are given to some: these themselves, and those to which they are passed on. */
export function reached(names: Iterable<string>, nextOf: ReadonlyMap<string, string | undefined>): ReadonlySet<string> {
  const all = new Set(names);
  // A name that is added is visited later.
  for (const name of all) {
    const next = nextOf.get(name);
    if (next !== undefined) all.add(next);
  }
  return all;
}
