// Counts, and keeps what it counted in storage: it outlives a restart of the actor.
import { defineActor, log, storage } from 'vivarium/guest';

const KEY = 'total';

function total(): number {
  const stored = storage.get(KEY);
  return stored === undefined ? 0 : new DataView(stored.buffer, stored.byteOffset).getFloat64(0);
}

export const lifecycle = defineActor({
  name: 'counter',
  version: '1.0.0',
  operations: {
    add(amount: number): number {
      const next = total() + amount;
      const bytes = new DataView(new ArrayBuffer(8));
      bytes.setFloat64(0, next);
      storage.set(KEY, new Uint8Array(bytes.buffer));
      log('info', 'counted', { amount: String(amount), total: String(next) });
      return next;
    },
    total,
  },
});
