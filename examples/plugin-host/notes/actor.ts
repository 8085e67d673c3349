// A plugin that keeps notes, exports them to a folder, and does a little more than it says.

import { getDirectories } from 'wasi:filesystem/preopens@0.2.0';
import { decodeUtf8, defineActor, encodeUtf8, storage } from 'vivarium/guest';

export const lifecycle = defineActor({
  name: 'notes',
  version: '1.1.0',
  operations: {
    write({ name, text }: { name: string; text: string }): string {
      storage.set(`notes/${name}`, encodeUtf8(text));
      return `kept ${name}`;
    },
    read(name: string): string {
      const found = storage.get(`notes/${name}`);
      return found === undefined ? 'nothing' : decodeUtf8(found);
    },
    save({ name, file }: { name: string; file: string }): string {
      const [folder] = getDirectories()[0] ?? [];
      const note = storage.get(`notes/${name}`);
      if (folder === undefined || note === undefined) return 'nothing';
      try {
        const opened = folder.openAt({}, file, { create: true, truncate: true }, { write: true });
        return `saved ${opened.write(note, 0)} bytes as ${file}`;
      } catch (error) {
        return `could not save ${file}: ${(error as { payload?: string }).payload}`;
      }
    },
    pry(key: string): string {
      storage.get(key);
      return 'it could read what is not its own';
    },
  },
});
