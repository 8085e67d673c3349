import { isIP } from 'node:net';
import { resolveCacheConfig } from '#cache';
import { checkTotalMemory, resolveLimits } from '#core/limits';
import { allow, checkOptions } from '#core/options';
import type { ReuseLimits } from '#core/ports/engine';
import { checkMailbox } from '#messaging';
import type { RuntimeEvents } from './events.ts';
import type { FetchOptions } from './fetch-options.ts';
import type {
  LoadOptions,
  MessagingOptions,
  ReplaceOptions,
  RuntimeOptions,
  RuntimePorts,
  UnloadOptions,
} from './options.ts';

const { anything, bound, either, flag, func, listOf, oneOf, options, part, path, period, texts, wholeNumber } = allow;

const SCHEDULING = oneOf('preemptive', 'cooperative');

/** Each call that waits keeps about a kilobyte of the host, of the 16 MiB at most that a component may have kept. */
const MOST_CONCURRENCY = 10_000;
const CONCURRENCY = allow.rule(
  'a whole number, 1 to 10,000',
  (value) => Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= MOST_CONCURRENCY,
);

const PORTS: allow.OptionRules<RuntimePorts> = {
  clock: part('now', 'monotonic', 'after'),
  random: part('bytes', 'fraction'),
  meter: part('createTank'),
  builder: part('build', 'close'),
  cache: part('get'),
  keyValueStore: part('open', 'close'),
  loader: part('loadBytes'),
  registry: part('fetch'),
  audit: part('append', 'close'),
  trustedKeys: part('find'),
  names: part('lookUp'),
  tracer: part('begin'),
};

const MESSAGING: allow.OptionRules<MessagingOptions> = {
  requestTimeoutMs: period,
  maxHops: bound(1),
  maxOpenRequests: wholeNumber(0),
  maxTopics: wholeNumber(0),
  deadLetters: options<NonNullable<MessagingOptions['deadLetters']>>({
    maxLetters: wholeNumber(0),
    maxBytes: wholeNumber(0),
  }),
  dispatcher: options<NonNullable<MessagingOptions['dispatcher']>>({
    shareMs: period,
    sliceMs: period,
    sliceMessages: wholeNumber(1),
  }),
};

const RUNTIME: allow.OptionRules<RuntimeOptions> = {
  limits: anything,
  maxTotalMemoryBytes: anything,
  maxComponentBytes: wholeNumber(1),
  maxTotalMemories: wholeNumber(0),
  components: path,
  storage: options<NonNullable<RuntimeOptions['storage']>>({ path, quotaBytes: wholeNumber(0) }),
  trust: either('"any" or "signed" or a function', oneOf('any', 'signed'), func),
  policy: func,
  home: path,
  audit: oneOf('file', 'memory'),
  cache: anything,
  messaging: options(MESSAGING),
  scheduling: SCHEDULING,
  sliceMs: period,
  maxWaitingTurns: wholeNumber(0),
  maxStacks: wholeNumber(0),
  waiting: flag,
  calls: oneOf('direct', 'glue'),
  branchHints: flag,
  overrides: options(PORTS),
};

const interfaces = allow.each(
  allow.rule(
    "an object of the interface's functions, or a function",
    // Undefined counts as left out, because ready-made import objects, such as WASIShim's, have undefined entries.
    (value) => ['function', 'undefined'].includes(typeof value) || (typeof value === 'object' && value !== null),
  ),
);

const OUTPUT = allow.rule(
  'a writable stream of Node, or one of the web that is not locked',
  (value) =>
    typeof value === 'object' && value !== null && (value instanceof WritableStream ? !value.locked : 'write' in value),
);

const LOAD: allow.OptionRules<LoadOptions> = {
  id: anything,
  limits: anything,
  env: texts,
  args: listOf(allow.text),
  digest: allow.rule(
    'sha256: and 64 lower-case hex digits',
    (value) => typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value),
  ),
  grants: listOf(anything),
  stdin: allow.rule(
    'bytes, a text, or a readable stream that is not locked or another async iterable of bytes',
    (value) =>
      typeof value === 'string' ||
      (typeof value === 'object' &&
        value !== null &&
        (value instanceof ReadableStream
          ? !value.locked
          : value instanceof Uint8Array || Symbol.asyncIterator in value)),
  ),
  stdout: OUTPUT,
  stderr: OUTPUT,
  preopens: allow.each(path),
  signature: either('a Uint8Array or text', allow.bytes, allow.text),
  config: allow.bytes,
  store: oneOf('per-actor', 'per-call'),
  reuse: options<ReuseLimits>({ maxRequests: wholeNumber(1), maxAgeMs: period, maxIdleMs: period }),
  metering: oneOf('fuel', 'deadline'),
  scheduling: SCHEDULING,
  importsAnswerAtOnce: flag,
  cancel: oneOf('answer', 'turn'),
  concurrency: CONCURRENCY,
  imports: interfaces,
  next: allow.func,
  mailbox: anything,
  requests: options<NonNullable<LoadOptions['requests']>>({ maxConcurrent: wholeNumber(1), maxQueued: wholeNumber(0) }),
  supervision: anything,
  signal: allow.signal,
};

const REPLACE_RULE = options<Pick<ReplaceOptions, 'timeoutMs'>>({ timeoutMs: allow.milliseconds });
const UNLOAD: allow.OptionRules<UnloadOptions> = { drain: flag, timeoutMs: allow.milliseconds };

const REQUEST_RULE = options<{ request: Request }>({
  request: allow.rule(
    'a Request whose body nobody has read or locked',
    (value) => value instanceof Request && !value.bodyUsed && value.body?.locked !== true,
  ),
});

const EVENTS: Readonly<Record<keyof RuntimeEvents, true>> = {
  state: true,
  log: true,
  'dead-letter': true,
  denied: true,
  warning: true,
  cache: true,
  restart: true,
  'gave-up': true,
  health: true,
};

const RUNTIME_RULE = options(RUNTIME);
const LOAD_RULE = options(LOAD);
const UNLOAD_RULE = options(UNLOAD);
const EVENT_RULE = oneOf(...Object.keys(EVENTS));

/** Checks all options of a runtime. @throws `CORE_INVALID_OPTION`, `CORE_INVALID_LIMITS`, `CACHE_INVALID_CONFIG` */
export function checkRuntimeOptions(given: RuntimeOptions): void {
  checkOptions(given, RUNTIME_RULE);
  resolveLimits(given.limits);
  checkTotalMemory(given.maxTotalMemoryBytes);
  if (given.cache !== false) resolveCacheConfig(given.cache);
}

const FETCH_RULE = options<FetchOptions>({
  clientAddress: allow.rule('an IP address', (value) => typeof value === 'string' && isIP(value) !== 0),
  trailers: func,
  onTrailers: func,
});

/** @throws `CORE_INVALID_OPTION` */
export function checkFetch(request: Request, given: FetchOptions): void {
  checkOptions({ request: request ?? null }, REQUEST_RULE);
  checkOptions(given, FETCH_RULE);
}

/**
 * Checks the options of `load`, except limits, supervision and grants, which depend on the runtime.
 * @throws `CORE_INVALID_OPTION`
 */
export function checkLoadOptions(given: LoadOptions): void {
  checkOptions(given, LOAD_RULE);
  checkMailbox(given.mailbox);
}

/** Checks what only a replacement may be given. @throws `CORE_INVALID_OPTION` */
export function checkReplaceOptions(given: Pick<ReplaceOptions, 'timeoutMs'>): void {
  checkOptions(given, REPLACE_RULE);
}

/** @throws `CORE_INVALID_OPTION` */
export function checkUnloadOptions(given: UnloadOptions): void {
  checkOptions(given, UNLOAD_RULE);
}

/** @throws `CORE_INVALID_OPTION` */
export function checkListener(event: string, listener: unknown): void {
  checkOptions(event ?? null, EVENT_RULE, 'event');
  checkOptions(listener ?? null, func, 'listener');
}
