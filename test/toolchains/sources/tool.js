// The tool of the suite in JavaScript: each first argument is one scenario.
import { getArguments, getEnvironment } from 'wasi:cli/environment@0.2.12';
import { exitWithCode } from 'wasi:cli/exit@0.2.12';
import { getStderr } from 'wasi:cli/stderr@0.2.12';
import { getStdin } from 'wasi:cli/stdin@0.2.12';
import { getStdout } from 'wasi:cli/stdout@0.2.12';
import { subscribeDuration } from 'wasi:clocks/monotonic-clock@0.2.12';

// QuickJS has no TextEncoder of its own, and its componentizer gives and takes 64-bit numbers as numbers.
const wide = typeof TextEncoder === 'undefined' ? Number : BigInt;
const encoded = (text) => Uint8Array.from(unescape(encodeURIComponent(text)), (unit) => unit.charCodeAt(0));
const print = (stream, text) => stream.blockingWriteAndFlush(encoded(text));

export const run = {
  run() {
    const [scenario, ...args] = getArguments().slice(1);
    const out = getStdout();
    if (scenario === 'exit') {
      print(out, 'bye');
      exitWithCode(Number(args[0]));
    } else if (scenario === 'sleep') {
      subscribeDuration(wide(20_000_000)).block();
      print(out, 'slept\n');
    } else if (scenario === 'cat') {
      const input = getStdin();
      try {
        for (;;) out.blockingWriteAndFlush(input.blockingRead(wide(4096)));
      } catch (error) {
        if (error.payload?.tag !== 'closed') throw error;
      }
    } else {
      print(out, `${JSON.stringify([scenario, ...args])}\n${JSON.stringify(getEnvironment().sort())}\n`);
      print(getStderr(), 'to standard error\n');
    }
  },
};
