import fc from 'fast-check';
import type { Features } from './types.ts';

/**
 * A derivation tree, the little language that programs are generated and shrunk in.
 *
 * Its numbers are taken modulo what the place allows, and a part that is missing stands for the simplest thing of the
 * wanted type. So every tree, also every shrunk one, is a valid program, and zero is the simplest choice everywhere.
 */
export interface Plan {
  readonly choice: number;
  readonly detail: number;
  readonly parts: readonly Plan[];
}

export interface FunctionPlan {
  readonly signature: number;
  readonly locals: readonly number[];
  readonly exported: boolean;
  /** Whether it may be called again while it runs; such a function counts its entries down and leaves at zero. */
  readonly recursive: boolean;
  readonly body: readonly Plan[];
}

export interface SegmentPlan {
  readonly kind: number;
  readonly offset: number;
  readonly length: number;
  readonly detail: number;
}

export interface CallPlan {
  readonly target: number;
  readonly args: readonly number[];
}

export interface ModulePlan {
  readonly features: Features;
  readonly imports: readonly number[];
  readonly functions: readonly FunctionPlan[];
  readonly memories: readonly { pages: number; more: number; exported: boolean; imported: boolean; wide: boolean }[];
  readonly tables: readonly { size: number; more: number; exported: boolean; imported: boolean; kind: number }[];
  readonly globals: readonly { type: number; mutable: boolean; exported: boolean; value: number; form: number }[];
  readonly data: readonly SegmentPlan[];
  readonly elements: readonly SegmentPlan[];
  readonly start: number;
  readonly calls: readonly CallPlan[];
}

const number = fc.oneof(
  { weight: 4, arbitrary: fc.nat({ max: 0xffff }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff8) },
);

const { tree } = fc.letrec<{ tree: Plan }>((tie) => ({
  tree: fc.record({
    choice: fc.nat({ max: 0xffff }),
    detail: number,
    parts: fc.oneof(
      { maxDepth: 5, depthSize: 'max', withCrossShrink: true },
      { weight: 1, arbitrary: fc.constant<readonly Plan[]>([]) },
      { weight: 3, arbitrary: fc.array(tie('tree'), { minLength: 1, maxLength: 4, size: 'max' }) },
    ),
  }),
}));

const features: fc.Arbitrary<Features> = fc.record({
  simd: fc.boolean(),
  tailCalls: fc.boolean(),
  exceptions: fc.constantFrom<Features['exceptions']>('none', 'legacy', 'standard'),
  multiMemory: fc.boolean(),
  memory64: fc.boolean(),
  gc: fc.boolean(),
});

const small: fc.Arbitrary<number> = fc.nat({ max: 63 });

const segments: fc.Arbitrary<SegmentPlan[]> = fc.array(
  fc.record({ kind: small, offset: small, length: small, detail: number }),
  { maxLength: 4 },
);

/** Plans of modules; `compileModule` makes valid modules of them. */
export function modulePlan(only: fc.Arbitrary<Features> = features): fc.Arbitrary<ModulePlan> {
  return fc.record({
    features: only,
    imports: fc.array(small, { maxLength: 3 }),
    functions: fc.array(
      fc.record({
        signature: small,
        locals: fc.array(small, { maxLength: 5 }),
        exported: fc.boolean(),
        recursive: fc.boolean(),
        body: fc.array(tree, { minLength: 1, maxLength: 6 }),
      }),
      { minLength: 1, maxLength: 7 },
    ),
    memories: fc.array(
      fc.record({
        pages: small,
        more: small,
        exported: fc.boolean(),
        imported: fc.boolean(),
        wide: fc.boolean(),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    tables: fc.array(
      fc.record({ size: small, more: small, exported: fc.boolean(), imported: fc.boolean(), kind: small }),
      { minLength: 1, maxLength: 3 },
    ),
    globals: fc.array(
      fc.record({ type: small, mutable: fc.boolean(), exported: fc.boolean(), value: number, form: small }),
      { maxLength: 6 },
    ),
    data: segments,
    elements: segments,
    start: small,
    calls: fc.array(fc.record({ target: small, args: fc.array(number, { maxLength: 3 }) }), {
      minLength: 1,
      maxLength: 6,
    }),
  });
}
