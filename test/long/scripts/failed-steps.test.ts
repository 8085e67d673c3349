// What `.ci/run` says at its end of a step that failed.
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';

const said = (log: string): string[] =>
  execFileSync('awk', ['-f', '.ci/failures.awk'], { input: log, encoding: 'utf8' }).trimEnd().split('\n');

const DIED =
  'Caused by: Error: Worker exited unexpectedly with signal SIGSEGV during started state while running test file a';
const lines = (count: number): string => Array.from({ length: count }, (_, n) => `line ${n}\n`).join('');

it('names a process that died first, with its signal and its file, however many lines come before', () => {
  const errors = 'Error: something else\n at one\n at two\n at three\n'.repeat(30);
  const log = `${errors}\u001b[31m\u001b[1mError\u001b[22m: [vitest-pool]: Worker forks emitted error.\n❯ one\n❯ two\n\n\u001b[31m\u001b[1m${DIED}\u001b[39m\n`;
  expect(said(log)[0]).toBe(DIED);
  expect(said(log)).toHaveLength(61);
});

it.each(['FATAL ERROR: Reached heap limit', '# Fatal error in , line 0', '----- Native stack trace -----'])(
  'shows the stack behind the line: %s',
  (line) => {
    expect(said(`${lines(100)}${line}\n${lines(100)}`)).toEqual([line, ...lines(23).trimEnd().split('\n')]);
  },
);

it('shows three lines behind the name of a failed test, and nothing of what passed', () => {
  expect(said(`✓ passed\n FAIL  a.test.ts > b\n${lines(9)}`)).toEqual([
    ' FAIL  a.test.ts > b',
    'line 0',
    'line 1',
    'line 2',
  ]);
});
