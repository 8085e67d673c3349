// Rules for options: `wholeNumber(1)`, `oneOf('reject', 'wait')`, `options({ … })`. The rules of a type must name each
// of its keys, so an option without a rule does not compile. Callers without types may pass anything.
import { shownValue } from '#core/text';

/** A violated rule: the option, its value, and what is allowed. */
export interface Complaint {
  readonly option: string;
  /** The rest of the sentence after the option's name. */
  readonly says: string;
}

/** Returns what is wrong with an option's value; undefined when it is valid. */
export type OptionRule = (value: unknown, option: string) => Complaint | undefined;

/** A rule for each key of a type. */
export type OptionRules<T> = { readonly [Key in keyof T]-?: OptionRule };

/** Makes a rule from a description of what is wanted and a test. */
export function rule(wanted: string, accepts: (value: unknown) => boolean): OptionRule {
  return (value, option) => (accepts(value) ? undefined : complaint(option, value, wanted));
}

/** Accepts any value, because another part checks it. */
export const anything: OptionRule = () => undefined;
export const flag: OptionRule = rule('true or false', (value) => typeof value === 'boolean');
export const text: OptionRule = rule('text', (value) => typeof value === 'string');
export const path: OptionRule = rule(
  'a path',
  (value) => typeof value === 'string' && value !== '' && !value.includes('\0'),
);
export const bytes: OptionRule = rule('a Uint8Array', (value) => value instanceof Uint8Array);
export const func: OptionRule = rule('a function', (value) => typeof value === 'function');
export const signal: OptionRule = rule('an AbortSignal', isSignal);
/** Milliseconds; 0 means at once. */
export const milliseconds: OptionRule = rule(
  'a finite number of milliseconds, 0 or more',
  (value) => Number.isFinite(value) && (value as number) >= 0,
);
/** Milliseconds above zero. */
export const period: OptionRule = rule(
  'a finite number of milliseconds above 0',
  (value) => Number.isFinite(value) && (value as number) > 0,
);
/** A record of texts, for example environment variables. */
export const texts: OptionRule = each(text, 'an object of texts');

export function wholeNumber(least: number): OptionRule {
  return rule(`a whole number, ${least} or more`, (value) => Number.isSafeInteger(value) && (value as number) >= least);
}

/** A number in a range that includes its ends. */
export function between(least: number, most: number): OptionRule {
  return rule(`${least} to ${most}`, (value) => typeof value === 'number' && value >= least && value <= most);
}

/** A text that no message may show. */
export function secret(what: string): OptionRule {
  return (value, option) => (typeof value === 'string' ? undefined : { option, says: `is not a text; give ${what}` });
}

/** A whole number, or Infinity for no bound. */
export function bound(least: number): OptionRule {
  return rule(
    `a whole number, ${least} or more, or Infinity`,
    (value) => value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && (value as number) >= least),
  );
}

export function oneOf(...allowed: readonly unknown[]): OptionRule {
  return rule(allowed.map(shownValue).join(' or '), (value) => allowed.includes(value));
}

/** Accepts what one of several rules accepts; `wanted` describes them all. */
export function either(wanted: string, ...rules: readonly OptionRule[]): OptionRule {
  return rule(wanted, (value) => rules.some((each) => each(value, '') === undefined));
}

export function listOf(item: OptionRule): OptionRule {
  return (value, option) => {
    if (!Array.isArray(value)) return complaint(option, value, 'a list');
    for (const [at, each] of value.entries()) {
      const wrong = item(each, `${option}[${at}]`);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  };
}

/** An object with any keys, whose values follow one rule. */
export function each(item: OptionRule, wanted = 'an object'): OptionRule {
  return (value, option) => {
    if (!isRecord(value)) return complaint(option, value, wanted);
    for (const [key, inner] of Object.entries(value)) {
      const wrong = item(inner, under(option, key));
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  };
}

/** An implementation of a port: an object that has these methods, own or inherited. */
export function part(...methods: readonly string[]): OptionRule {
  return rule(
    `an object with ${methods.join(' and ')}`,
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      methods.every((method) => typeof Reflect.get(value, method) === 'function'),
  );
}

/** An object with these keys and no others. Any of them may be left out. */
export function options<T>(rules: OptionRules<T>): OptionRule {
  const known = new Map<string, OptionRule>(Object.entries(rules));
  return (value, option) => {
    if (!isRecord(value)) return complaint(option === '' ? 'what was given' : option, value, 'an object of options');
    for (const [key, inner] of Object.entries(value)) {
      const name = under(option, key);
      const check = known.get(key);
      if (check === undefined) {
        const others = [...known.keys()].map((other) => under(option, other)).join(', ');
        return { option: name, says: `is no option; there are ${others}` };
      }
      const wrong = inner === undefined ? undefined : check(inner, name);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  };
}

/** Like `options`, with some keys required. */
export function required<T>(rules: OptionRules<T>, ...keys: readonly (keyof T & string)[]): OptionRule {
  const check = options(rules);
  return (value, option) => {
    const wrong = check(value, option);
    const missing = wrong ?? keys.find((key) => Reflect.get(value as object, key) === undefined);
    return typeof missing === 'string' ? { option: under(option, missing), says: 'is missing; give it' } : missing;
  };
}

function complaint(option: string, value: unknown, wanted: string): Complaint {
  return { option, says: `is ${shownValue(value)}; give ${wanted}` };
}

function under(option: string, key: string): string {
  return option === '' ? key : `${option}.${key.slice(0, 80)}`;
}

/**
 * Whether a value is an object of options. Lists, bytes, maps and dates are not, whatever keys they have; the namespace
 * objects of `import * as` are.
 */
function isRecord(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  return ['[object Object]', '[object Module]'].includes(Object.prototype.toString.call(value));
}

function isSignal(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof Reflect.get(value, 'aborted') === 'boolean' &&
    typeof Reflect.get(value, 'addEventListener') === 'function'
  );
}
