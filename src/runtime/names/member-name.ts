/** A name in camelCase, as jco spells it. Of a resource's member each part is spelled so: `[method]cart.add-item` is `[method]cart.addItem`. */
export function memberName(name: string): string {
  const end = name.startsWith('[') ? name.indexOf(']') + 1 : 0;
  const label = (part: string): string =>
    part.toLowerCase().replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return name.slice(0, end) + name.slice(end).split('.').map(label).join('.');
}

/** Whether no property may have this name, because JavaScript itself calls methods of that name. `runtime.call` reaches what has it. */
export function isTaken(property: string): boolean {
  return property === 'then' || property === 'toJSON' || property in Object.prototype;
}
