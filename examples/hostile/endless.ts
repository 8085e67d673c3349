// Never answers: the time or fuel budget ends it.
import { defineActor } from 'vivarium/guest';

export const lifecycle = defineActor({
  name: 'endless',
  version: '1.0.0',
  onMessage() {
    for (;;);
  },
});
