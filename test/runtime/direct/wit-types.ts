import fc from 'fast-check';

/** A WIT type as data: enough to write it down and to make values of it. */
export type WitType =
  | { readonly kind: 'primitive'; readonly name: Primitive }
  | { readonly kind: 'list' | 'option'; readonly element: WitType }
  | { readonly kind: 'tuple' | 'record'; readonly elements: readonly WitType[] }
  | { readonly kind: 'variant'; readonly cases: readonly (WitType | null)[] }
  | { readonly kind: 'result'; readonly ok: WitType | null; readonly error: WitType | null }
  | { readonly kind: 'enum' | 'flags'; readonly count: number };

type Primitive = (typeof PRIMITIVES)[number];
const PRIMITIVES = [
  ...['bool', 'u8', 's8', 'u16', 's16', 'u32', 's32', 'u64', 's64', 'f32', 'f64', 'char', 'string'],
] as const;

const { type } = fc.letrec<{ type: WitType }>((tie) => {
  const maybe = fc.option(tie('type'), { nil: null });
  return {
    type: fc.oneof(
      { depthSize: 'small', maxDepth: 4 },
      fc.constantFrom(...PRIMITIVES).map((name) => ({ kind: 'primitive' as const, name: name as Primitive })),
      fc.record({ kind: fc.constantFrom('list' as const, 'option' as const), element: tie('type') }),
      fc.record({
        kind: fc.constantFrom('tuple' as const, 'record' as const),
        elements: fc.array(tie('type'), { minLength: 1, maxLength: 5 }),
      }),
      fc.record({ kind: fc.constant('variant' as const), cases: fc.array(maybe, { minLength: 1, maxLength: 4 }) }),
      fc.record({ kind: fc.constant('result' as const), ok: maybe, error: maybe }),
      fc.record({
        kind: fc.constantFrom('enum' as const, 'flags' as const),
        count: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(16, 17, 31, 32)),
      }),
      fc
        .tuple(tie('type'), fc.integer({ min: 2, max: 5 }))
        .map(([inner, depth]) =>
          Array.from({ length: depth }).reduce<WitType>((element) => ({ kind: 'option', element }), inner as WitType),
        ),
      fc.record({ kind: fc.constant('enum' as const), count: fc.constantFrom(256, 257) }),
    ),
  };
});

/** What the direct path takes: beyond it a component goes by the glue, as `direct-component.test.ts` shows. */
const MOST_NODES = 2_000;

export const witType: fc.Arbitrary<WitType> = type.filter((each) => nodesOf(each) <= MOST_NODES);

/** Types of parameters and a result that one function may have on the direct path. */
export const witSignature: fc.Arbitrary<{ readonly params: readonly WitType[]; readonly result: WitType }> = fc
  .record({ params: fc.array(witType, { minLength: 1, maxLength: 4 }), result: witType })
  .filter(({ params, result }) => sum([...params, result].map(nodesOf)) <= MOST_NODES);

function nodesOf(each: WitType | null): number {
  switch (each?.kind) {
    case 'list':
    case 'option':
      return 1 + nodesOf(each.element);
    case 'tuple':
    case 'record':
      return 1 + sum(each.elements.map(nodesOf));
    case 'variant':
      return 1 + sum(each.cases.map(nodesOf));
    case 'result':
      return 1 + nodesOf(each.ok) + nodesOf(each.error);
    case 'enum':
    case 'flags':
      return 1 + each.count;
    default:
      return 1;
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0);

/** WIT text of some types: definitions of those that need a name, and each one's own text. */
export function typeTexts(types: readonly WitType[]): { definitions: string; texts: readonly string[] } {
  const definitions: string[] = [];
  const define = (keyword: string, body: string): string => {
    const name = `t${definitions.length}`;
    definitions.push(`${keyword} ${name} { ${body} }`);
    return name;
  };
  const write = (each: WitType): string => {
    switch (each.kind) {
      case 'primitive':
        return each.name;
      case 'list':
      case 'option':
        return `${each.kind}<${write(each.element)}>`;
      case 'tuple':
        return `tuple<${each.elements.map(write).join(', ')}>`;
      case 'record':
        return define('record', each.elements.map((element, index) => `f-${index}x: ${write(element)}`).join(', '));
      case 'variant':
        return define(
          'variant',
          each.cases.map((element, index) => `c-${index}x${element === null ? '' : `(${write(element)})`}`).join(', '),
        );
      case 'result':
        if (each.error === null) return each.ok === null ? 'result' : `result<${write(each.ok)}>`;
        return `result<${each.ok === null ? '_' : write(each.ok)}, ${write(each.error)}>`;
      default:
        return define(each.kind, labels(each.count).join(', '));
    }
  };
  const texts = types.map(write);
  return { definitions: definitions.join('\n'), texts };
}

const labels = (count: number): string[] => Array.from({ length: count }, (_, index) => `l-${index}x`);
const camel = (label: string): string => label.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());

const string = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.string({ unit: 'binary-ascii', minLength: 40, maxLength: 70 }),
  fc.constantFrom('', '\ufeffbom', '\u{1f600}', '\0', 'ÿ', 'Ā'),
);

const NUMBERS: Readonly<Record<string, (values: readonly never[]) => unknown>> = {
  u8: (values) => Uint8Array.from(values),
  s8: (values) => Int8Array.from(values),
  u16: (values) => Uint16Array.from(values),
  s16: (values) => Int16Array.from(values),
  u32: (values) => Uint32Array.from(values),
  s32: (values) => Int32Array.from(values),
  u64: (values) => BigUint64Array.from(values),
  s64: (values) => BigInt64Array.from(values),
  f32: (values) => Float32Array.from(values),
  f64: (values) => Float64Array.from(values),
};

function primitive(name: Primitive): fc.Arbitrary<unknown> {
  switch (name) {
    case 'bool':
      return fc.boolean();
    case 'u8':
      return fc.nat(0xff);
    case 's8':
      return fc.integer({ min: -0x80, max: 0x7f });
    case 'u16':
      return fc.nat(0xffff);
    case 's16':
      return fc.integer({ min: -0x8000, max: 0x7fff });
    case 'u32':
      return fc.integer({ min: 0, max: 0xffffffff });
    case 's32':
      return fc.integer();
    case 'u64':
      return fc.bigInt(0n, 2n ** 64n - 1n);
    case 's64':
      return fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n);
    case 'f32':
      return fc.float();
    case 'f64':
      return fc.double();
    case 'char':
      return fc
        .string({ unit: 'grapheme', minLength: 1, maxLength: 1 })
        .map((text) => String.fromCodePoint(text.codePointAt(0) as number));
    case 'string':
      return string;
  }
}

/** Values of a type as jco maps them. */
export function valuesOf(each: WitType): fc.Arbitrary<unknown> {
  switch (each.kind) {
    case 'primitive':
      return primitive(each.name);
    case 'list': {
      const items = fc.array(valuesOf(each.element), { maxLength: 5 });
      const numbers = each.element.kind === 'primitive' ? NUMBERS[each.element.name] : undefined;
      return numbers === undefined ? items : items.map((values) => numbers(values as never[]));
    }
    case 'option': {
      if (!isTagged(each)) return fc.option(valuesOf(each.element), { nil: undefined });
      return fc
        .option(valuesOf(each.element), { nil: null })
        .map((value) => (value === null ? { tag: 'none' } : { tag: 'some', val: value }));
    }
    case 'tuple':
      return fc.tuple(...each.elements.map(valuesOf));
    case 'record':
      return fc
        .tuple(...each.elements.map(valuesOf))
        .map((values) => Object.fromEntries(values.map((value, index) => [`f${index}x`, value])));
    case 'variant':
      return fc.oneof(...each.cases.map((payload, index) => tagged(`c-${index}x`, payload)));
    case 'result':
      return fc.oneof(tagged('ok', each.ok), tagged('err', each.error));
    case 'enum':
      return fc.constantFrom(...labels(each.count));
    case 'flags':
      return fc
        .array(fc.boolean(), { minLength: each.count, maxLength: each.count })
        .map((bits) => Object.fromEntries(bits.map((bit, index) => [camel(`l-${index}x`), bit])));
  }
}

/** Of options in each other every second one is written with tags, counted from the innermost. */
export function isTagged(each: WitType): boolean {
  return each.kind === 'option' && each.element.kind === 'option' && !isTagged(each.element);
}

function tagged(tag: string, payload: WitType | null): fc.Arbitrary<unknown> {
  return payload === null ? fc.constant({ tag }) : valuesOf(payload).map((val) => ({ tag, val }));
}
