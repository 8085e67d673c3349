// A build child that does what the component's bytes say: nothing ever, or an answer once a file is there.
import { existsSync } from 'node:fs';

process.on('message', ({ component }: { component: Uint8Array }) => {
  const text = new TextDecoder().decode(component);
  if (text === 'hang') return;
  const awaited = text.startsWith('file:') ? text.slice('file:'.length) : undefined;
  const poll = setInterval(() => {
    if (awaited !== undefined && !existsSync(awaited)) return;
    clearInterval(poll);
    process.send?.({ artifact: { javascript: text, coreModules: [], imports: [], exports: [], meteringMode: 'fuel' } });
  }, 1);
});
