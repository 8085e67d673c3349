/** Formats a number with its noun in the singular or plural: `1 entry`, `2 entries`, `0 hits`. */
export function counted(count: number, one: string, many: string = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
