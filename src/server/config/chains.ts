/** A component, and the one to which it passes requests on. */
export interface Link {
  readonly name: string;
  readonly next: string | undefined;
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

function leadsBack(name: string, nextOf: ReadonlyMap<string, string | undefined>): boolean {
  const seen = new Set<string>();
  for (let at = nextOf.get(name); at !== undefined && !seen.has(at); at = nextOf.get(at)) {
    if (at === name) return true;
    seen.add(at);
  }
  return false;
}
