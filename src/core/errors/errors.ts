import { printable } from '#core/text';

/** Facts about an error for programs: what, where, how much. They are plain data and safe to print as JSON. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | bigint | undefined>>;

/**
 * What an error means for whoever asked. `usage`: what was asked is wrong as written. `not-found`: what it names does not exist.
 * `refused`: it is invalid, not trusted or not permitted. `failed`: it was tried and went wrong. `unreachable`: a service does not
 * answer. `unauthorised`: a service refuses the credentials. `orderly`: a component answered the error case of its `result`.
 */
export type ErrorKind = 'usage' | 'not-found' | 'refused' | 'failed' | 'unreachable' | 'unauthorised' | 'orderly';

const ERROR_KINDS: ReadonlySet<unknown> = new Set<ErrorKind>([
  'usage',
  'not-found',
  'refused',
  'failed',
  'unreachable',
  'unauthorised',
  'orderly',
]);

/** Whether a value that was read from elsewhere is a kind of errors. */
export function isErrorKind(value: unknown): value is ErrorKind {
  return ERROR_KINDS.has(value);
}

export interface VivariumErrorOptions extends ErrorOptions {
  readonly details?: ErrorDetails;
  /** By default the kind that the class has for the code, or else `failed`. */
  readonly kind?: ErrorKind;
}

/**
 * The base class of every error that Vivarium throws on purpose.
 *
 * Each folder narrows `Code` to its own closed union (`RUNTIME_…`, `METERING_…`) and gives each code its kind; `docs/errors.md`
 * describes every code. The message says what was wrong, where, and what to do, and is printable whatever it quotes. `cause` is the
 * original error.
 */
export class VivariumError<Code extends string = string> extends Error {
  /** The kind of each code of the class. */
  static readonly kinds: Readonly<Record<string, ErrorKind>> = {};
  readonly code: Code;
  /** What the error means for whoever asked, where the exact code does not matter. `viv` derives its exit code from it. */
  readonly kind: ErrorKind;
  readonly details: ErrorDetails;

  constructor(code: Code, message: string, options: VivariumErrorOptions = {}) {
    super(printable(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    const { kinds } = new.target;
    this.kind = options.kind ?? (Object.hasOwn(kinds, code) ? kinds[code] : undefined) ?? 'failed';
    this.details = options.details ?? {};
  }

  /** Returns the object that `--json` prints under `error`; 64-bit numbers become decimal strings. */
  toJSON(): Record<string, unknown> {
    return { code: this.code, message: this.message, details: plainValue(this.details) };
  }
}

/** Converts a value to JSON data: bigints, NaN and infinities become strings, typed arrays become lists. */
export function plainValue(value: unknown): unknown {
  if (typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value))) return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return Array.from(value as Uint8Array, plainValue);
  if (Array.isArray(value)) return value.map(plainValue);
  if (value instanceof VivariumError) return value.toJSON();
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plainValue(inner)]));
}

/** Adds the component to an error's details, unless they name one already. */
export function attribute(error: unknown, component: string): void {
  if (!(error instanceof VivariumError) || error.details.component !== undefined) return;
  Object.defineProperty(error, 'details', { value: { ...error.details, component }, enumerable: true });
}

/** Whether `error` is one of ours, and has this code if one is given. */
export function isVivariumError(error: unknown, code?: string): error is VivariumError {
  return error instanceof VivariumError && (code === undefined || error.code === code);
}

/**
 * Returns a printable text for any thrown value, because guests and libraries throw more than errors and quote foreign
 * text.
 */
export function messageOf(thrown: unknown): string {
  // V8 has no text for what guest code throws.
  if (thrown instanceof WebAssembly.Exception) return 'an exception that its code did not catch';
  return printable(String(thrown instanceof Error ? thrown.message : thrown));
}

/** The most causes of an error that are looked at. Ours have a few. */
const MOST_CAUSES = 16;

/**
 * Prepares an error to be kept. Until the stack of an error is read, V8 keeps the functions and receivers of its frames alive, and with
 * them the store of the guest that was running. Reading the stack turns the frames into text.
 */
export function releaseFrames(error: unknown): void {
  let next = error;
  for (let count = 0; count < MOST_CAUSES && next instanceof Error; count += 1) {
    void next.stack;
    next = next.cause;
  }
}

const KINDS = {
  CORE_INVALID_ID: 'usage',
  CORE_INVALID_LIMITS: 'usage',
  CORE_INVALID_OPTION: 'usage',
  CORE_INVALID_UNIT: 'usage',
} as const satisfies Record<string, ErrorKind>;

export type CoreErrorCode = keyof typeof KINDS;

/** Reports a value that one of core's own types refuses. */
export class CoreError extends VivariumError<CoreErrorCode> {
  static override readonly kinds: Readonly<Record<string, ErrorKind>> = KINDS;
}
