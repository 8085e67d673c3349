/** The longest name that clients of MCP accept. */
const MOST = 64;

/** An exported function and the component that has it. */
export interface NamedExport {
  /** `namespace/name/instance`. */
  readonly component: string;
  /** The function's WIT name, as `ns:pkg/iface@1.0.0#func`. */
  readonly name: string;
}

/**
 * Gives each function a name that clients of MCP accept: up to 64 letters, digits, `_` and `-`. It is the function's own name if no
 * other function has it. Otherwise, the names of its interface, package and component precede it, until they differ.
 * @returns the names in the order of the functions, each of them once
 */
export function toolNames(functions: readonly NamedExport[]): readonly string[] {
  const candidates = functions.map(candidatesOf);
  const levels = functions.map(() => 0);
  for (;;) {
    const names = candidates.map((each, index) => each[levels[index] as number] as string);
    const counts = Map.groupBy(names, (name) => name);
    let moved = false;
    for (const [index, name] of names.entries()) {
      const level = levels[index] as number;
      if ((counts.get(name)?.length ?? 0) < 2 || level === (candidates[index]?.length ?? 0) - 1) continue;
      levels[index] = level + 1;
      moved = true;
    }
    if (!moved) return numbered(names);
  }
}

function candidatesOf({ component, name }: NamedExport): readonly string[] {
  const hash = name.indexOf('#');
  const member = name.slice(hash + 1).replace(/^\[[a-z]{1,20}\]/, '');
  const [owner = ''] = name.slice(0, Math.max(hash, 0)).split('@', 1);
  const [iface = ''] = owner.split('/').slice(-1);
  const [namespace = '', label = '', instance = ''] = component.split('/');
  const longer = [
    [iface, member],
    [owner, member],
    [label, owner, member],
    [namespace, label, instance, owner, member],
  ];
  return [[member], ...longer].map((parts) => clean(parts.filter((part) => part !== '').join('_')));
}

function clean(text: string): string {
  return text.replace(/[^A-Za-z0-9_-]+/g, '_').slice(-MOST) || '_';
}

/** Numbers names that are equal to an earlier one, because they were cut or differ in other characters only. */
function numbered(names: readonly string[]): readonly string[] {
  const taken = new Set(names);
  const seen = new Set<string>();
  return names.map((name) => {
    let own = name;
    for (let number = 2; seen.has(own); number++) {
      const suffix = `_${number}`;
      const next = `${name.slice(0, MOST - suffix.length)}${suffix}`;
      if (!taken.has(next)) own = next;
    }
    seen.add(own);
    taken.add(own);
    return own;
  });
}
