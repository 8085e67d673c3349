// A member of a chat room. The room is a topic: nobody runs it, and whoever subscribes hears what is said.
import { defineActor, log, publish, subscribe } from 'vivarium/guest';

const ROOM = 'chat/lobby';
let name = 'somebody';

export const lifecycle = defineActor({
  name: 'chat-member',
  version: '1.0.0',
  onStart({ env }) {
    name = env.NAME ?? name;
    subscribe(ROOM);
  },
  operations: {
    /** Answers how many heard it. */
    say: (text: string): number => publish(ROOM, `${name}: ${text}`),
  },
  onTopic(message) {
    const said = message.text();
    if (!said.startsWith(`${name}: `)) log('info', `${name} hears "${said}"`);
  },
});
