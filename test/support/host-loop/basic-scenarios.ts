// Streams, polls, clocks, random numbers and the surroundings of a program.
import { BYTES } from './host-calls.ts';
import { functions, methods, none, type Scenario } from './scenario.ts';

export const BASIC: readonly Scenario[] = [
  ...methods('wasi:io/error#Error', [(h) => h.error()], { toDebugString: none }),
  ...methods(
    'wasi:io/streams#InputStream',
    [(h) => h.call('wasi:cli/stdin#getStdin'), (h) => h.on(h.file(), 'readViaStream', 0n)],
    {
      read: () => [[0n], [10n], [2n ** 60n]],
      blockingRead: () => [[10n], [2n ** 60n]],
      skip: () => [[0n], [10n], [2n ** 60n]],
      blockingSkip: () => [[10n]],
      subscribe: none,
    },
  ),
  ...methods(
    'wasi:io/streams#OutputStream',
    [(h) => h.output(), (h) => h.on(h.file(), 'writeViaStream', 0n), (h) => h.call('wasi:cli/stdout#getStdout')],
    {
      checkWrite: none,
      write: () => [[BYTES], [new Uint8Array()]],
      flush: none,
      blockingWriteAndFlush: () => [[BYTES]],
      blockingFlush: none,
      writeZeroes: () => [[0n], [100n]],
      blockingWriteZeroesAndFlush: () => [[100n]],
      splice: (h) => [
        [h.call('wasi:cli/stdin#getStdin'), 10n],
        [h.on(h.file(), 'readViaStream', 0n), 10n],
      ],
      blockingSplice: (h) => [[h.on(h.file(), 'readViaStream', 0n), 10n]],
      subscribe: none,
    },
  ),
  ...methods('wasi:io/poll#Pollable', [(h) => h.ready()], { ready: none, block: none }),
  ...functions('wasi:io/poll', { poll: (h) => [[[h.ready(), h.later()]], [[h.ready()]]] }),
  ...functions('wasi:clocks/monotonic-clock', {
    now: none,
    resolution: none,
    subscribeInstant: () => [[0n], [2n ** 64n - 1n]],
    subscribeDuration: () => [[0n], [2n ** 64n - 1n]],
  }),
  ...functions('wasi:clocks/wall-clock', { now: none, resolution: none }),
  ...functions('wasi:clocks/timezone', {
    display: () => [[{ seconds: 0n, nanoseconds: 0 }]],
    utcOffset: () => [[{ seconds: 0n, nanoseconds: 0 }]],
  }),
  ...functions('wasi:random/random', { getRandomBytes: () => [[0n], [100n]], getRandomU64: none }),
  ...functions('wasi:random/insecure', { getInsecureRandomBytes: () => [[0n], [100n]], getInsecureRandomU64: none }),
  ...functions('wasi:random/insecure-seed', { insecureSeed: none }),
  ...functions('wasi:cli/environment', { getEnvironment: none, getArguments: none, initialCwd: none }),
  ...functions('wasi:cli/stdin', { getStdin: none }),
  ...functions('wasi:cli/stdout', { getStdout: none }),
  ...functions('wasi:cli/stderr', { getStderr: none }),
  ...functions('wasi:cli/terminal-stdin', { getTerminalStdin: none }),
  ...functions('wasi:cli/terminal-stdout', { getTerminalStdout: none }),
  ...functions('wasi:cli/terminal-stderr', { getTerminalStderr: none }),
];
