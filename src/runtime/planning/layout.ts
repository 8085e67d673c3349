import type { ValueType } from '#wasm';

export type CoreType = 'i32' | 'i64' | 'f32' | 'f64';

/** How a value type lies in linear memory and in core parameters, by the component model's `CanonicalABI.md`. */
export interface Layout {
  readonly size: number;
  readonly align: number;
  /** Core types of the flattened value, cut after `MAX_FLAT_PARAMS + 1`, because a longer value is never passed flat. */
  readonly flat: readonly CoreType[];
}

/** The most core values in which parameters, or a result, are passed flat; more go through memory. */
export const MAX_FLAT_PARAMS = 16;
export const MAX_FLAT_RESULTS = 1;

const known = { narrow: new WeakMap<ValueType, Layout>(), wide: new WeakMap<ValueType, Layout>() };

/** @param wide whether pointers and lengths have 64 bits, as those of a 64-bit memory do */
export function layoutOf(type: ValueType, wide: boolean): Layout {
  const layouts = wide ? known.wide : known.narrow;
  let layout = layouts.get(type);
  if (layout === undefined) {
    layout = computeLayout(type, wide);
    layouts.set(type, layout);
  }
  return layout;
}

/** The layouts of several types, for example of parameters. */
export function layoutsOf(types: readonly ValueType[], wide: boolean): readonly Layout[] {
  return types.map((type) => layoutOf(type, wide));
}

function computeLayout(type: ValueType, wide: boolean): Layout {
  switch (type.kind) {
    case 'bool':
    case 's8':
    case 'u8':
      return scalar(1, 'i32');
    case 's16':
    case 'u16':
      return scalar(2, 'i32');
    case 's32':
    case 'u32':
    case 'char':
    case 'own':
    case 'borrow':
    case 'stream':
    case 'future':
      return scalar(4, 'i32');
    case 's64':
    case 'u64':
      return scalar(8, 'i64');
    case 'f32':
      return scalar(4, 'f32');
    case 'f64':
      return scalar(8, 'f64');
    case 'string':
    case 'list':
      return wide ? { size: 16, align: 8, flat: ['i64', 'i64'] } : { size: 8, align: 4, flat: ['i32', 'i32'] };
    case 'record':
      return recordLayout(type.fields.map((field) => layoutOf(field.type, wide)));
    case 'tuple':
      return recordLayout(layoutsOf(type.elements, wide));
    case 'flags':
      return scalar(flagsBytes(type.labels.length), 'i32');
    case 'enum':
      return scalar(discriminantBytes(type.labels.length), 'i32');
    case 'variant':
    case 'option':
    case 'result':
      return variantLayout(payloadsOf(type), wide);
    default:
      throw new TypeError(`a ${type.kind} has no layout here`);
  }
}

/** The payload types of the cases of a variant, an option or a result, by discriminant. */
export function payloadsOf(
  type: Extract<ValueType, { kind: 'variant' } | { kind: 'option' } | { kind: 'result' }>,
): readonly (ValueType | undefined)[] {
  if (type.kind === 'variant') return type.cases.map((each) => each.type);
  return type.kind === 'option' ? [undefined, type.element] : [type.ok, type.error];
}

/** Whether parameters have too many core values to be passed flat, and so go through memory as one record. */
export function spill(parameters: readonly Layout[]): boolean {
  return parameters.reduce((sum, { flat }) => sum + flat.length, 0) > MAX_FLAT_PARAMS;
}

/** The offset of each of several values that follow each other, as fields of a record or parameters in memory do. */
export function offsetsOf(layouts: readonly Layout[]): number[] {
  let at = 0;
  return layouts.map(({ size, align }) => {
    const offset = alignTo(at, align);
    at = offset + size;
    return offset;
  });
}

export function recordLayout(parts: readonly Layout[]): Layout {
  const align = parts.reduce((most, part) => Math.max(most, part.align), 1);
  const end = (offsetsOf(parts).at(-1) ?? 0) + (parts.at(-1)?.size ?? 0);
  return { size: alignTo(end, align), align, flat: cut(parts.flatMap((part) => part.flat)) };
}

export function payloadOffset(payloads: readonly (ValueType | undefined)[], wide: boolean): number {
  const align = payloads.reduce((most, payload) => Math.max(most, payload ? layoutOf(payload, wide).align : 1), 1);
  return alignTo(discriminantBytes(payloads.length), align);
}

export function discriminantBytes(cases: number): 1 | 2 | 4 {
  return cases <= 2 ** 8 ? 1 : cases <= 2 ** 16 ? 2 : 4;
}

function variantLayout(payloads: readonly (ValueType | undefined)[], wide: boolean): Layout {
  const layouts = payloads.map((payload) => (payload === undefined ? undefined : layoutOf(payload, wide)));
  const bytes = discriminantBytes(payloads.length);
  const align = layouts.reduce((most, layout) => Math.max(most, layout?.align ?? 1), bytes as number);
  const size = layouts.reduce((most, layout) => Math.max(most, layout?.size ?? 0), 0);
  const joined: CoreType[] = [];
  for (const layout of layouts) {
    layout?.flat.forEach((core, index) => {
      const other = joined[index];
      joined[index] = other === undefined ? core : join(other, core);
    });
  }
  return { size: alignTo(payloadOffset(payloads, wide) + size, align), align, flat: cut(['i32', ...joined]) };
}

function join(a: CoreType, b: CoreType): CoreType {
  if (a === b) return a;
  return (a === 'i32' && b === 'f32') || (a === 'f32' && b === 'i32') ? 'i32' : 'i64';
}

function flagsBytes(count: number): 1 | 2 | 4 {
  return count <= 8 ? 1 : count <= 16 ? 2 : 4;
}

function scalar(bytes: number, core: CoreType): Layout {
  return { size: bytes, align: bytes, flat: [core] };
}

function cut(flat: readonly CoreType[]): readonly CoreType[] {
  return flat.slice(0, MAX_FLAT_PARAMS + 1);
}

function alignTo(offset: number, align: number): number {
  return Math.ceil(offset / align) * align;
}
