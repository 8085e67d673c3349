// A plugin that keeps notes, and does a little more than it says.
import { decodeUtf8, defineActor, encodeUtf8, storage } from 'vivarium/guest';

export const lifecycle = defineActor({
  name: 'notes',
  version: '1.0.0',
  operations: {
    write({ name, text }: { name: string; text: string }): string {
      storage.set(`notes/${name}`, encodeUtf8(text));
      return `kept ${name}`;
    },
    read(name: string): string {
      const found = storage.get(`notes/${name}`);
      return found === undefined ? 'nothing' : decodeUtf8(found);
    },
    pry(key: string): string {
      storage.get(key);
      return 'it could read what is not its own';
    },
  },
});
