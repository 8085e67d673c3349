// The same of WASI 0.3, as far as it differs.
import { functions, none, type Scenario } from './scenario.ts';

export const BASIC_3: readonly Scenario[] = [
  ...functions('wasi:clocks/monotonic-clock@0.3', {
    now: none,
    getResolution: none,
    waitUntil: () => [[0n]],
    waitFor: () => [[0n]],
  }),
  ...functions('wasi:clocks/system-clock', { now: none, getResolution: none }),
  ...functions('wasi:clocks/timezone@0.3', { ianaId: none, utcOffset: none, toDebugString: none }),
  ...functions('wasi:random/random@0.3', { getRandomBytes: () => [[0n], [2n ** 60n]], getRandomU64: none }),
  ...functions('wasi:random/insecure@0.3', {
    getInsecureRandomBytes: () => [[0n], [2n ** 60n]],
    getInsecureRandomU64: none,
  }),
  ...functions('wasi:random/insecure-seed@0.3', { getInsecureSeed: none }),
  ...functions('wasi:cli/environment@0.3', { getEnvironment: none, getArguments: none, getInitialCwd: none }),
  ...functions('wasi:cli/stdin@0.3', { readViaStream: none }),
  ...functions('wasi:cli/stdout@0.3', { writeViaStream: (h) => [[h.stream()]] }),
  ...functions('wasi:cli/stderr@0.3', { writeViaStream: (h) => [[h.stream()]] }),
  ...functions('wasi:cli/terminal-stdin@0.3', { getTerminalStdin: none }),
  ...functions('wasi:cli/terminal-stdout@0.3', { getTerminalStdout: none }),
  ...functions('wasi:cli/terminal-stderr@0.3', { getTerminalStderr: none }),
];
