import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';

/**
 * A component that exports `add: func(a: u32, b: u32) -> u32`, written by hand: it takes no second to make.
 * @param extra added to each sum; components of different ones have one interface and different bytes
 * @param padding bytes of a custom section, to make it as large as wanted
 */
export async function adderComponent(extra = 0, padding = 0): Promise<Uint8Array> {
  const component = await parse(`(component
    (core module $m
      (func (export "add") (param i32 i32) (result i32)
        (i32.add (i32.add (local.get 0) (local.get 1)) (i32.const ${extra}))))
    (core instance $i (instantiate $m))
    (func (export "add") (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $i "add"))))`);
  if (padding === 0) return component;
  // A custom section: id 0, its length in LEB128, a name of one byte, then what is wanted.
  const length: number[] = [];
  for (let rest = padding + 2; ; rest >>>= 7) {
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    if (rest <= 0x7f) break;
  }
  return Buffer.concat([component, Uint8Array.of(0, ...length, 1, 0x70), Buffer.alloc(padding)]);
}
