// A program that asks a child process once, and never stops it: idle-parent.ts <file that the child waits for>
import { DisposableProcess, programBeside } from '#processes';
import { systemClock } from '../../../src/system/clock.ts';

const child = new DisposableProcess<{ readonly after: string }, string>({
  program: programBeside(import.meta.url, './answering-child'),
  clock: systemClock,
  errorOf: (end) => end,
});
console.log('asked');
console.log(await child.ask({ after: process.argv[2] ?? '' }, { maxMs: 60_000 }));
