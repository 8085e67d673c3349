import { expect, it } from 'vitest';
import { timersIn } from './sleeping.ts';
import { sourceFiles } from './source-files.ts';

/*
 * What waits or times out takes the clock that it is given: `wait` and `every` of `core/waiting`, or `after` of the clock.
 * Time can then be moved by a test, and no wait is without an end or a signal.
 */

/** Files that take a timer of the machine, and why they may. */
const MAY: Readonly<Record<string, string>> = {
  'src/cli/terminal/busy-line.ts': 'moves a sign on a terminal, for whoever looks at it',
  'src/core/event-loop/keep-alive.ts': 'the one interval that keeps the process alive; it measures nothing',
  'src/core/ports/system-clock.ts': "the machine's clock",
  'src/delegation/models/json-endpoint.ts': 'embedders make it, and give it no clock',
  'src/guest/globals/events.ts': "runs inside the sandbox, by the guest's own timers",
  'src/guest/host.ts': "runs inside the sandbox, by the guest's own timers",
  'src/runtime/transpile/compile-check.ts':
    'looks at the processor time of its own process, a child that is not given a clock',
};

it('takes timers of the machine in known places only', () => {
  const found = sourceFiles().filter(({ tree }) => timersIn(tree).length > 0);
  expect(
    found.map(({ path }) => path),
    'take a clock, or give a reason in MAY',
  ).toEqual(Object.keys(MAY));
});
