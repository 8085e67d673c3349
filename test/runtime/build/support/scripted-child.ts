// A build child that does what the component's bytes say: nothing ever, or an answer once a file is there.
import { existsSync, watch } from 'node:fs';
import { dirname } from 'node:path';

process.on('message', ({ component }: { component: Uint8Array }) => {
  const text = new TextDecoder().decode(component);
  if (text === 'hang') return;
  const answer = (): void => {
    process.send?.({ artifact: { javascript: text, coreModules: [], imports: [], exports: [], meteringMode: 'fuel' } });
  };
  if (!text.startsWith('file:')) return answer();
  const awaited = text.slice('file:'.length);
  const folder = watch(dirname(awaited));
  const look = (): void => {
    if (!existsSync(awaited)) return;
    folder.close();
    answer();
  };
  folder.on('change', look);
  look();
});
