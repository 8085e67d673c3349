/** A name in camelCase, as jco spells it; `[method]cart.add-item` is spelled in its parts, `[method]cart.addItem`. */
export function memberName(name: string): string {
  const end = name.startsWith('[') ? name.indexOf(']') + 1 : 0;
  const label = (part: string): string =>
    part.toLowerCase().replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return name.slice(0, end) + name.slice(end).split('.').map(label).join('.');
}
