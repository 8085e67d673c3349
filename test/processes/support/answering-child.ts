// A child process that does what the question says.
import { existsSync, watch, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export type Question =
  | { readonly echo: unknown }
  | { readonly ask: 'environment' | 'nothing' | 'loop' | 'exit' | 'heap' }
  | { readonly write: string }
  | { readonly after: string };

process.on('message', (question: Question) => {
  if ('echo' in question) process.send?.(question.echo);
  else if ('write' in question) process.send?.(written(question.write));
  else if ('after' in question) {
    const folder = watch(dirname(question.after));
    const look = (): void => {
      if (!existsSync(question.after)) return;
      folder.close();
      process.send?.('it is there');
    };
    folder.on('change', look);
    look();
  } else if (question.ask === 'environment') process.send?.(Object.keys(process.env));
  else if (question.ask === 'exit') process.exit(7);
  else if (question.ask === 'loop') for (;;);
  else if (question.ask === 'heap') {
    const held: unknown[] = [];
    for (;;) held.push(new Array(1_000).fill(held.length));
  }
});

function written(file: string): string {
  try {
    writeFileSync(file, 'text');
    return 'written';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}
