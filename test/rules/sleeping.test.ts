import { describe, expect, it } from 'vitest';
import { timersIn } from './sleeping.ts';
import { parse, sourceFiles } from './source-files.ts';

/*
 * Tests do not sleep: a time that is long enough on one machine is too short on another. They move a `TestClock`, wait for
 * an event, let the event loop take steps, or poll for a condition with `expect.poll`.
 */

/** Files of tests and of their tools that take a timer of the machine, how often, and why they may. */
const MAY_SLEEP: Readonly<Record<string, readonly [times: number, why: string]>> = {
  'test/browser/dashboard.test.ts': [3, 'a browser shows seconds of the machine'],
  'test/bundle/oci/transport.test.ts': [1, 'a server that breaks a connection is not told whether its bytes were read'],
  'test/long/cache/kill.test.ts': [1, 'kills a process at a moment that nothing announces'],
  'test/server/attacks.test.ts': [1, 'looks again and again how many requests run, which nothing announces'],
  'test/server/hostile.test.ts': [1, "Node's own server measures the time that a client takes for a request"],
  'test/servers/registry/s3-blobs.test.ts': [1, 'aborts a request that its server never answers'],
  'test/support/killed-transfers.ts': [1, 'kills a process at a moment that nothing announces'],
  'test/system/concurrency.test.ts': [1, 'moves its clock while a process builds, which takes time of the machine'],
  'tools/cache/asker.ts': [1, 'builds until other processes have asked, which they do without a sign'],
  'tools/servers/answering.ts': [1, 'servers of others do not say when they listen'],
};

describe('tests', () => {
  it('sleep in known places only', () => {
    const found = [...sourceFiles('test'), ...sourceFiles('tools')]
      // Guests have timers of their host.
      .filter(({ path }) => !/\/guests\//.test(path))
      .map(({ path, tree }) => [path, timersIn(tree).length] as const)
      .filter(([, times]) => times > 0);
    expect(found, 'wait for what happens, or give a reason in MAY_SLEEP').toEqual(
      Object.entries(MAY_SLEEP).map(([path, [times]]) => [path, times]),
    );
  });

  it.each([
    ['setTimeout(task, 5)', 1],
    ['AbortSignal.timeout(5)', 1],
    ['globalThis .setInterval(task, 5)', 1],
    ['const later = setTimeout', 1],
    ["import { setTimeout as sleep } from 'node:timers/promises';", 1],
    ["import * as timers from 'node:timers';", 1],
    ["import timers, { setImmediate } from 'timers';", 1],
    ["await import('node:timers/promises')", 1],
    ["import { setImmediate as nextStep } from 'node:timers/promises';", 0],
    ['socket.setTimeout(0)', 0],
    ['await new Promise(setImmediate)', 0],
    ['const own = { setTimeout: nothing }', 0],
  ])('are seen to: %s', (text, times) => {
    expect(timersIn(parse('planted.ts', text))).toHaveLength(times);
  });
});
