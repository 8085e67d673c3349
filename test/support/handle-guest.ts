import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';

/** What `step` does, by its first argument: a call of the host with handles as they come. */
export const STEPS = [
  'make-r',
  'make-q',
  'touch',
  'give',
  'touch-all',
  'give-all',
  'both',
  '[method]r.self',
  'touch-q',
  'drop-r',
  'drop-q',
] as const;

const RESULT: Readonly<Record<string, string>> = { 'drop-r': '', 'drop-q': '', give: '', 'give-all': '' };
const PARAMS: Readonly<Record<string, string>> = {
  'make-r': '',
  'make-q': '',
  both: '(param i32 i32)',
  'touch-all': '(param i32 i32)',
  'give-all': '(param i32 i32)',
};

const coreType = (step: string): string => `${PARAMS[step] ?? '(param i32)'} ${RESULT[step] ?? '(result i32)'}`;

/** A list is the two handles, written to memory. */
function call(step: string): string {
  const args = step.startsWith('make')
    ? ''
    : step === 'both'
      ? '(local.get 1) (local.get 2)'
      : step.endsWith('all')
        ? '(i32.const 64) (i32.const 2)'
        : '(local.get 1)';
  const called = `(call $${step} ${args})`;
  return RESULT[step] === undefined ? `(return ${called})` : `${called} (return (i32.const 0))`;
}

/**
 * A guest that imports `test:host/api`, with resources `r` and `q`, and exports `step: func(op: u32, a: u32, b: u32) -> u32`:
 * does one of `STEPS` with the handles `a` and `b`, whatever they are, and tries to catch what comes of it.
 */
export function handleGuest(): Promise<Uint8Array> {
  const imported = STEPS.filter((step) => !step.startsWith('drop'));
  const lowered = imported.map(
    (step) => `(alias export $api "${step}" (func $f-${step}))
    (core func $c-${step} (canon lower (func $f-${step}) (memory (core memory $libc "mem"))))`,
  );
  return parse(`(component
    (import "test:host/api" (instance $api
      (export "r" (type $r (sub resource))) (export "q" (type $q (sub resource)))
      (export "make-r" (func (result (own $r)))) (export "make-q" (func (result (own $q))))
      (export "touch" (func (param "a" (borrow $r)) (result u32)))
      (export "give" (func (param "a" (own $r))))
      (export "touch-all" (func (param "a" (list (borrow $r))) (result u32)))
      (export "give-all" (func (param "a" (list (own $r)))))
      (export "both" (func (param "a" (borrow $r)) (param "b" (own $r)) (result u32)))
      (export "[method]r.self" (func (param "self" (borrow $r)) (result u32)))
      (export "touch-q" (func (param "a" (borrow $q)) (result u32)))))
    (alias export $api "r" (type $r)) (alias export $api "q" (type $q))
    (core module $Libc (memory (export "mem") 1))
    (core instance $libc (instantiate $Libc))
    ${lowered.join('\n').replaceAll('[method]', 'method-').replaceAll('"method-r.self"', '"[method]r.self"')}
    (core func $c-drop-r (canon resource.drop $r)) (core func $c-drop-q (canon resource.drop $q))
    (core module $M
      ${STEPS.map((step) => `(import "" "${step}" (func $${step} ${coreType(step)}))`)
        .join('\n')
        .replaceAll('$[method]', '$method-')}
      (import "" "mem" (memory 1))
      (func (export "step") (param i32 i32 i32) (result i32)
        (i32.store (i32.const 64) (local.get 1)) (i32.store (i32.const 68) (local.get 2))
        (block $caught
          (try_table (catch_all $caught)
            ${STEPS.map((step, index) => `(if (i32.eq (local.get 0) (i32.const ${index})) (then ${call(step)}))`)
              .join('\n')
              .replaceAll('$[method]', '$method-')}))
        (i32.const 999999)))
    (core instance $m (instantiate $M (with "" (instance
      ${STEPS.map((step) => `(export "${step}" (func $c-${step}))`)
        .join(' ')
        .replaceAll('$c-[method]', '$c-method-')}
      (export "mem" (memory $libc "mem"))))))
    (func (export "step") (param "op" u32) (param "a" u32) (param "b" u32) (result u32)
      (canon lift (core func $m "step"))))`);
}
