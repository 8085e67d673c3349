/**
 * By how much an operator of one byte changes the height of the operand stack, where that does not depend on its immediates:
 * numeric operators, loads and stores, variables, constants and references of the core specification 3.0.
 */
export const STACK_EFFECTS: Int8Array = effects([
  // drop, select
  [0x1a, 0x1a, -1],
  [0x1b, 0x1c, -2],
  // local and global variables, tables
  [0x20, 0x20, 1],
  [0x21, 0x21, -1],
  [0x23, 0x23, 1],
  [0x24, 0x24, -1],
  [0x26, 0x26, -2],
  // stores, memory.size, constants
  [0x36, 0x3e, -2],
  [0x3f, 0x3f, 1],
  [0x41, 0x44, 1],
  // comparisons, without eqz
  [0x46, 0x4f, -1],
  [0x51, 0x66, -1],
  // binary arithmetic
  [0x6a, 0x78, -1],
  [0x7c, 0x8a, -1],
  [0x92, 0x98, -1],
  [0xa0, 0xa6, -1],
  // ref.null, ref.func, ref.eq
  [0xd0, 0xd0, 1],
  [0xd2, 0xd2, 1],
  [0xd3, 0xd3, -1],
]);

function effects(rows: readonly (readonly [from: number, to: number, effect: number])[]): Int8Array {
  const table = new Int8Array(256);
  for (const [from, to, effect] of rows) table.fill(effect, from, to + 1);
  return table;
}
