// The smallest actor: answers every message.
import { defineActor } from 'vivarium/guest';

export const lifecycle = defineActor({
  name: 'hello',
  version: '1.0.0',
  onMessage: (message) => `Hello, ${message.text()}!`,
});
