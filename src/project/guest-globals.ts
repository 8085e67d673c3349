/** A module of `vivarium/guest` that installs globals when it is evaluated, which happens while the component is built. */
interface GlobalModule {
  readonly module: string;
  /** Modules that must be imported first. For `log` and `sleep`, an actor's world uses `vivarium:actor` and any other world WASI. */
  readonly after?: readonly Dependency[];
  /** Interfaces that the world must import for this module. */
  readonly imports?: readonly string[];
  readonly names: readonly string[];
}

type Dependency = 'log' | 'sleep' | 'promise' | 'timers';

const RANDOM = 'wasi:random/random@0.2.2';
const CLOCK = 'wasi:clocks/monotonic-clock@0.2.2';

const MODULES: readonly GlobalModule[] = [
  { module: 'promise', after: ['log'], names: ['Promise', 'queueMicrotask'] },
  {
    module: 'timers',
    after: ['promise', 'sleep'],
    names: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval'],
  },
  { module: 'console', after: ['log'], names: ['console'] },
  { module: 'encoding', names: ['TextEncoder', 'TextDecoder'] },
  { module: 'url', names: ['URL', 'URLSearchParams'] },
  { module: 'structured-clone', names: ['structuredClone'] },
  { module: 'crypto', imports: [RANDOM], names: ['crypto'] },
  { module: 'events', after: ['timers'], names: ['AbortController', 'AbortSignal', 'Event', 'EventTarget'] },
  { module: 'performance', names: ['performance'] },
  { module: 'headers', names: ['Headers'] },
  { module: 'readable-stream', after: ['promise'], names: ['ReadableStream'] },
  { module: 'messages', after: ['promise'], names: ['Request', 'Response'] },
  {
    module: 'fetch',
    after: ['timers'],
    imports: [
      'wasi:http/outgoing-handler@0.2.1',
      'wasi:clocks/monotonic-clock@0.2.1',
      'wasi:io/poll@0.2.1',
      'wasi:io/streams@0.2.1',
    ],
    names: ['fetch'],
  },
];

/** The module that answers HTTP requests by a source's default export, and what it needs. */
export const SERVE = {
  module: 'serve',
  names: ['Promise', 'Request', 'Response', 'AbortController'],
  imports: [
    RANDOM,
    'wasi:http/types@0.2.1',
    'wasi:clocks/monotonic-clock@0.2.1',
    'wasi:io/poll@0.2.1',
    'wasi:io/streams@0.2.1',
  ],
  exports: ['wasi:http/incoming-handler@0.2.1'],
} as const;

/** The module that makes streams of bodies. A bundle with `Request` and `Response` needs it if its source mentions `body` or streams. */
export const BODY_STREAMS = { module: 'body-streams', word: /\bbody\b/, name: 'ReadableStream' } as const;

/** The module that gives `Math.random` a seed of each instance's own, and what it needs. */
export const SEED = { module: 'seed', imports: [RANDOM] } as const;

/** Globals of other platforms that a guest does not have, each with advice on what to use instead. */
export const MISSING: Readonly<Record<string, string>> = {
  process: 'the environment is what onStart is given',
  Buffer: 'take Uint8Array, TextEncoder and TextDecoder',
  require: 'write import; what is imported is bundled',
  global: 'write globalThis',
  window: 'write globalThis',
  document: 'there is no page',
  localStorage: "take storage of 'vivarium/guest'",
  sessionStorage: "take storage of 'vivarium/guest'",
  indexedDB: "take storage of 'vivarium/guest'",
  XMLHttpRequest: 'take fetch',
  WebSocket: 'take fetch, or messages to another actor',
  EventSource: 'take fetch, or messages to another actor',
  Worker: 'load another actor and send it messages',
  MessageChannel: 'load another actor and send it messages',
  BroadcastChannel: "take publish and subscribe of 'vivarium/guest'",
  WebAssembly: 'load another component and call it',
  Intl: 'bundle a library for the formats that you need',
  Blob: 'take Uint8Array',
  File: 'take Uint8Array',
  FormData: 'take URLSearchParams, or write the body yourself',
  WritableStream: 'make a ReadableStream of what is to be written',
  TransformStream: 'write an asynchronous generator, and ReadableStream.from of it',
  CompressionStream: 'bundle a library of JavaScript, as fflate',
  DecompressionStream: 'bundle a library of JavaScript, as fflate',
  setImmediate: 'take queueMicrotask or setTimeout',
  requestAnimationFrame: 'take setTimeout',
  Atomics: 'a guest has one thread',
  navigator: 'a guest is the same everywhere; its environment is what onStart is given',
  self: 'write globalThis',
  CustomEvent: 'take Event, or a class that extends it',
  MessageEvent: 'take Event, or a class that extends it',
  Temporal: 'take Date, or bundle a library',
  FileReader: 'take text(), json(), bytes() or arrayBuffer() of a response',
  DOMParser: 'bundle a parser',
  caches: "take storage of 'vivarium/guest'",
  alert: 'take console.log',
  SharedWorker: 'load another actor and send it messages',
  clearImmediate: 'take clearTimeout',
  cancelAnimationFrame: 'take clearTimeout',
  TextEncoderStream: 'take TextEncoder',
  TextDecoderStream: 'take TextDecoder',
  Deno: 'take what the web has: console, fetch, setTimeout, crypto',
  Bun: 'take what the web has: console, fetch, setTimeout, crypto',
};

/** All names for which a bundle is searched. */
export const LOOKED_FOR: readonly string[] = [...MODULES.flatMap(({ names }) => names), ...Object.keys(MISSING)];

export interface Prelude {
  /** Modules of the guest library that the bundle imports first, in this order. */
  readonly modules: readonly string[];
  /** Interfaces that the world must import for them. */
  readonly imports: string[];
}

/**
 * Determines the modules and interfaces that a source needs if it mentions these names.
 * @param isActor whether the source's world has the services of `vivarium:actor`; any other world uses those of WASI
 */
export function preludeFor(mentioned: ReadonlySet<string>, isActor: boolean): Prelude {
  const modules = new Set<string>();
  const imports = new Set<string>();
  const add = (name: Dependency | string): void => {
    if (modules.has(name)) return;
    if (name === 'log') {
      modules.add(isActor ? 'log-to-host' : 'log-to-stderr');
      if (!isActor) imports.add('wasi:cli/stderr@0.2.2');
    } else if (name === 'sleep') {
      modules.add(isActor ? 'sleep-in-host' : 'sleep-by-poll');
      if (!isActor) imports.add(CLOCK);
    } else {
      const found = MODULES.find(({ module }) => module === name);
      for (const each of found?.after ?? []) add(each);
      for (const each of found?.imports ?? []) imports.add(each);
      modules.add(name);
    }
  };
  for (const { module, names } of MODULES) if (names.some((name) => mentioned.has(name))) add(module);
  const hasBodies = modules.has('messages') || modules.has('fetch');
  if (hasBodies && (mentioned.has(BODY_STREAMS.module) || mentioned.has(BODY_STREAMS.name))) add(BODY_STREAMS.module);
  return { modules: [...modules], imports: [...imports] };
}
