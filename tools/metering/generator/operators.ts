/** The value types that plain operators take and give. */
export type NumberType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

export type Feature = 'mvp' | 'sign-extension' | 'saturating' | 'simd' | 'relaxed-simd';

/** An operator whose type does not depend on the module: it takes `params` and gives `result`. */
export interface PlainOperator {
  readonly name: string;
  readonly code: number;
  /** 0xfc and 0xfd where the operator has a prefix. */
  readonly prefix: number | undefined;
  readonly params: readonly NumberType[];
  readonly result: NumberType | undefined;
  /** `memory`: alignment and offset; `memory-lane`: these and a lane; `lane`: a lane; `shuffle`: sixteen lanes. */
  readonly immediate: 'none' | 'memory' | 'memory-lane' | 'lane' | 'shuffle';
  /** Bytes of memory touched, for alignment and for masking of addresses. */
  readonly width: number;
  readonly lanes: number;
  readonly feature: Feature;
}

/** Operators by name; opcodes as in the binary format of the core specification and its SIMD tables. */
export const PLAIN: ReadonlyMap<string, PlainOperator> = new Map(
  [...scalar(), ...memory(), ...saturating(), ...simd()].map((operator) => [operator.name, operator]),
);

type Details = Partial<Pick<PlainOperator, 'prefix' | 'immediate' | 'width' | 'lanes' | 'feature'>>;

function define(
  name: string,
  code: number,
  params: readonly NumberType[],
  result: NumberType | undefined,
  more: Details = {},
): PlainOperator {
  return {
    prefix: undefined,
    immediate: 'none',
    width: 0,
    lanes: 0,
    feature: 'mvp',
    ...more,
    name,
    code,
    params,
    result,
  };
}

/** Consecutive opcodes from `first`; `-` leaves a gap. */
function run(
  first: number,
  names: string,
  typeOf: (name: string) => [readonly NumberType[], NumberType | undefined],
  more: Details = {},
): PlainOperator[] {
  return names
    .trim()
    .split(/\s+/)
    .flatMap((name, index) => (name === '-' ? [] : [define(name, first + index, ...typeOf(name), more)]));
}

function prefixed(type: string, names: string): string {
  return names
    .trim()
    .split(/\s+/)
    .map((name) => (name === '-' ? name : `${type}.${name}`))
    .join(' ');
}

function head(name: string): NumberType {
  return name.slice(0, name.indexOf('.')) as NumberType;
}

function* scalar(): Iterable<PlainOperator> {
  const compare = 'eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u';
  const compareFloat = 'eq ne lt gt le ge';
  const arithmetic = 'add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr';
  const relation = (name: string): [NumberType[], NumberType] => [[head(name), head(name)], 'i32'];
  const unary = (name: string): [NumberType[], NumberType] => [[head(name)], head(name)];
  const binary = (name: string): [NumberType[], NumberType] => [[head(name), head(name)], head(name)];
  for (const [type, test, compareAt, unaryAt] of [
    ['i32', 0x45, 0x46, 0x67],
    ['i64', 0x50, 0x51, 0x79],
  ] as const) {
    yield define(`${type}.eqz`, test, [type], 'i32');
    yield* run(compareAt, prefixed(type, compare), relation);
    yield* run(unaryAt, prefixed(type, 'clz ctz popcnt'), unary);
    yield* run(unaryAt + 3, prefixed(type, arithmetic), binary);
  }
  for (const [type, compareAt, unaryAt] of [
    ['f32', 0x5b, 0x8b],
    ['f64', 0x61, 0x99],
  ] as const) {
    yield* run(compareAt, prefixed(type, compareFloat), relation);
    yield* run(unaryAt, prefixed(type, 'abs neg ceil floor trunc nearest sqrt'), unary);
    yield* run(unaryAt + 7, prefixed(type, 'add sub mul div min max copysign'), binary);
  }
  yield* run(
    0xa7,
    `i32.wrap_i64 i32.trunc_f32_s i32.trunc_f32_u i32.trunc_f64_s i32.trunc_f64_u i64.extend_i32_s i64.extend_i32_u
     i64.trunc_f32_s i64.trunc_f32_u i64.trunc_f64_s i64.trunc_f64_u f32.convert_i32_s f32.convert_i32_u
     f32.convert_i64_s f32.convert_i64_u f32.demote_f64 f64.convert_i32_s f64.convert_i32_u f64.convert_i64_s
     f64.convert_i64_u f64.promote_f32 i32.reinterpret_f32 i64.reinterpret_f64 f32.reinterpret_i32
     f64.reinterpret_i64`,
    conversion,
  );
  yield* run(0xc0, 'i32.extend8_s i32.extend16_s i64.extend8_s i64.extend16_s i64.extend32_s', unary, {
    feature: 'sign-extension',
  });
}

function conversion(name: string): [NumberType[], NumberType] {
  return [[/_([if]\d\d)(?:_|$)/.exec(name)![1] as NumberType], head(name)];
}

function* saturating(): Iterable<PlainOperator> {
  const names = prefixed('i32', 'trunc_sat_f32_s trunc_sat_f32_u trunc_sat_f64_s trunc_sat_f64_u');
  yield* run(0, `${names} ${names.replaceAll('i32.', 'i64.')}`, conversion, { prefix: 0xfc, feature: 'saturating' });
}

function* memory(): Iterable<PlainOperator> {
  const table = `28 i32.load 4, 29 i64.load 8, 2a f32.load 4, 2b f64.load 8, 2c i32.load8_s 1, 2d i32.load8_u 1,
    2e i32.load16_s 2, 2f i32.load16_u 2, 30 i64.load8_s 1, 31 i64.load8_u 1, 32 i64.load16_s 2, 33 i64.load16_u 2,
    34 i64.load32_s 4, 35 i64.load32_u 4, 36 i32.store 4, 37 i64.store 8, 38 f32.store 4, 39 f64.store 8,
    3a i32.store8 1, 3b i32.store16 2, 3c i64.store8 1, 3d i64.store16 2, 3e i64.store32 4`;
  for (const line of table.split(',')) {
    const [code, name, width] = line.trim().split(' ') as [string, string, string];
    yield access(name, Number.parseInt(code, 16), Number(width), head(name));
  }
}

/** A load or store of `type`; the address comes first and has the memory's address type, written as i32 here. */
function access(name: string, code: number, width: number, type: NumberType, more: Details = {}): PlainOperator {
  const store = name.includes('store');
  return define(name, code, store ? ['i32', type] : ['i32'], store ? undefined : type, {
    immediate: 'memory',
    width,
    ...more,
  });
}

function* simd(): Iterable<PlainOperator> {
  const more = { prefix: 0xfd, feature: 'simd' as const };
  const loads = `load 16, load8x8_s 8, load8x8_u 8, load16x4_s 8, load16x4_u 8, load32x2_s 8, load32x2_u 8,
    load8_splat 1, load16_splat 2, load32_splat 4, load64_splat 8, store 16`;
  for (const [code, line] of loads.split(',').entries()) {
    const [name, width] = line.trim().split(' ') as [string, string];
    yield access(`v128.${name}`, code, Number(width), 'v128', more);
  }
  yield access('v128.load32_zero', 92, 4, 'v128', more);
  yield access('v128.load64_zero', 93, 8, 'v128', more);
  for (const [index, bits] of [8, 16, 32, 64].entries()) {
    const lane = { ...more, immediate: 'memory-lane' as const, width: bits / 8, lanes: 128 / bits };
    yield define(`v128.load${bits}_lane`, 84 + index, ['i32', 'v128'], 'v128', lane);
    yield define(`v128.store${bits}_lane`, 88 + index, ['i32', 'v128'], undefined, lane);
  }
  yield define('i8x16.shuffle', 13, ['v128', 'v128'], 'v128', { ...more, immediate: 'shuffle' });
  yield define('i8x16.swizzle', 14, ['v128', 'v128'], 'v128', more);
  yield* lanes(more);
  yield* vectors(more);
}

function* lanes(more: Details): Iterable<PlainOperator> {
  const shapes = [
    ['i8x16', 'i32', 16],
    ['i16x8', 'i32', 8],
    ['i32x4', 'i32', 4],
    ['i64x2', 'i64', 2],
    ['f32x4', 'f32', 4],
    ['f64x2', 'f64', 2],
  ] as const;
  let code = 21;
  for (const [index, [shape, type, count]] of shapes.entries()) {
    const lane = { ...more, immediate: 'lane' as const, lanes: count };
    yield define(`${shape}.splat`, 15 + index, [type], 'v128', more);
    for (const suffix of count > 4 ? ['_s', '_u'] : ['']) {
      yield define(`${shape}.extract_lane${suffix}`, code++, ['v128'], type, lane);
    }
    yield define(`${shape}.replace_lane`, code++, ['v128', type], 'v128', lane);
  }
}

function* vectors(more: Details): Iterable<PlainOperator> {
  const compare = 'eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u';
  const compareFloat = 'eq ne lt gt le ge';
  const two = (): [NumberType[], NumberType] => [['v128', 'v128'], 'v128'];
  const byName = (name: string): [NumberType[], NumberType] => {
    const local = name.slice(name.indexOf('.') + 1);
    if (/^(?:all_true|any_true|bitmask)$/.test(local)) return [['v128'], 'i32'];
    if (/^(?:bitselect|relaxed_n?madd|relaxed_laneselect)$/.test(local) || local.endsWith('_add_s')) {
      return [['v128', 'v128', 'v128'], 'v128'];
    }
    if (/^sh[lr]/.test(local)) return [['v128', 'i32'], 'v128'];
    const unary =
      /^(?:not|abs|neg|popcnt|sqrt|ceil|floor|trunc|nearest|demote_|promote_|convert_|extadd_|extend_|trunc_|relaxed_trunc)/;
    return unary.test(local) ? [['v128'], 'v128'] : two();
  };
  yield* run(35, ['i8x16', 'i16x8', 'i32x4'].map((shape) => prefixed(shape, compare)).join(' '), two, more);
  yield* run(65, ['f32x4', 'f64x2'].map((shape) => prefixed(shape, compareFloat)).join(' '), two, more);
  yield* run(77, prefixed('v128', 'not and andnot or xor bitselect any_true'), byName, more);
  yield* run(94, 'f32x4.demote_f64x2_zero f64x2.promote_low_f32x4', byName, more);
  yield* run(
    96,
    `${prefixed('i8x16', 'abs neg popcnt all_true bitmask narrow_i16x8_s narrow_i16x8_u')}
     ${prefixed('f32x4', 'ceil floor trunc nearest')}
     ${prefixed('i8x16', 'shl shr_s shr_u add add_sat_s add_sat_u sub sub_sat_s sub_sat_u')} f64x2.ceil f64x2.floor
     ${prefixed('i8x16', 'min_s min_u max_s max_u')} f64x2.trunc i8x16.avgr_u
     i16x8.extadd_pairwise_i8x16_s i16x8.extadd_pairwise_i8x16_u i32x4.extadd_pairwise_i16x8_s
     i32x4.extadd_pairwise_i16x8_u
     ${prefixed('i16x8', 'abs neg q15mulr_sat_s all_true bitmask narrow_i32x4_s narrow_i32x4_u')}
     ${prefixed('i16x8', 'extend_low_i8x16_s extend_high_i8x16_s extend_low_i8x16_u extend_high_i8x16_u')}
     ${prefixed('i16x8', 'shl shr_s shr_u add add_sat_s add_sat_u sub sub_sat_s sub_sat_u')} f64x2.nearest
     ${prefixed('i16x8', 'mul min_s min_u max_s max_u - avgr_u')}
     ${prefixed('i16x8', 'extmul_low_i8x16_s extmul_high_i8x16_s extmul_low_i8x16_u extmul_high_i8x16_u')}
     ${prefixed('i32x4', 'abs neg - all_true bitmask - -')}
     ${prefixed('i32x4', 'extend_low_i16x8_s extend_high_i16x8_s extend_low_i16x8_u extend_high_i16x8_u')}
     ${prefixed('i32x4', 'shl shr_s shr_u add - - sub - - - mul min_s min_u max_s max_u dot_i16x8_s -')}
     ${prefixed('i32x4', 'extmul_low_i16x8_s extmul_high_i16x8_s extmul_low_i16x8_u extmul_high_i16x8_u')}
     ${prefixed('i64x2', 'abs neg - all_true bitmask - -')}
     ${prefixed('i64x2', 'extend_low_i32x4_s extend_high_i32x4_s extend_low_i32x4_u extend_high_i32x4_u')}
     ${prefixed('i64x2', 'shl shr_s shr_u add - - sub - - - mul eq ne lt_s gt_s le_s ge_s')}
     ${prefixed('i64x2', 'extmul_low_i32x4_s extmul_high_i32x4_s extmul_low_i32x4_u extmul_high_i32x4_u')}
     ${prefixed('f32x4', 'abs neg - sqrt add sub mul div min max pmin pmax')}
     ${prefixed('f64x2', 'abs neg - sqrt add sub mul div min max pmin pmax')}
     i32x4.trunc_sat_f32x4_s i32x4.trunc_sat_f32x4_u f32x4.convert_i32x4_s f32x4.convert_i32x4_u
     i32x4.trunc_sat_f64x2_s_zero i32x4.trunc_sat_f64x2_u_zero f64x2.convert_low_i32x4_s f64x2.convert_low_i32x4_u`,
    byName,
    more,
  );
  yield* run(
    256,
    `i8x16.relaxed_swizzle i32x4.relaxed_trunc_f32x4_s i32x4.relaxed_trunc_f32x4_u i32x4.relaxed_trunc_f64x2_s_zero
     i32x4.relaxed_trunc_f64x2_u_zero f32x4.relaxed_madd f32x4.relaxed_nmadd f64x2.relaxed_madd f64x2.relaxed_nmadd
     i8x16.relaxed_laneselect i16x8.relaxed_laneselect i32x4.relaxed_laneselect i64x2.relaxed_laneselect
     f32x4.relaxed_min f32x4.relaxed_max f64x2.relaxed_min f64x2.relaxed_max i16x8.relaxed_q15mulr_s
     i16x8.relaxed_dot_i8x16_i7x16_s i32x4.relaxed_dot_i8x16_i7x16_add_s`,
    byName,
    { ...more, feature: 'relaxed-simd' },
  );
}
