// Opens WebSockets in a process of its own, so that the server's memory is the server's. Arguments: URL, sockets, busy ones, frames a second, seconds.
import { once } from 'node:events';
import { WebSocket } from 'ws';

const [url = '', sockets = 0, busy = 0, rate = 0, seconds = 0] = process.argv
  .slice(2)
  .map((argument, at) => (at === 0 ? argument : Number(argument))) as [string, number, number, number, number];
const AT_ONCE = 100;

const open: WebSocket[] = [];
while (open.length < sockets) {
  const some = Array.from({ length: Math.min(AT_ONCE, sockets - open.length) }, () => new WebSocket(url));
  await Promise.all(some.map((socket) => once(socket, 'open')));
  open.push(...some);
}
process.send?.({ opened: open.length });
await once(process, 'message');

let [sent, received] = [0, 0];
const used = open.slice(0, busy);
for (const socket of used) {
  socket.on('message', (data: Buffer) => {
    if (data.length > 0) received += 1;
  });
}
const ticks = 20;
const each = rate / ticks;
for (let tick = 0; tick < seconds * ticks; tick++) {
  const due = performance.now() + 1_000 / ticks;
  for (const socket of used) {
    for (let frame = 0; frame < each; frame++) {
      socket.send('frame');
      sent += 1;
    }
  }
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
}
const until = performance.now() + 120_000;
while (received < sent && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 50));
process.send?.({ sent, received });
await once(process, 'message');
process.exit(0);
