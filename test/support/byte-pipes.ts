// Whole bodies for tests that do not care how they stream.
import { BytePipe } from '#core/waiting';

/** A pipe whose writer has written all. */
export function filled(bytes: Uint8Array): BytePipe {
  const pipe = new BytePipe();
  pipe.write(bytes);
  pipe.end();
  return pipe;
}

/** All that comes of a pipe. @throws what its writer failed with */
export async function drained(pipe: BytePipe): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (;;) {
    const part = pipe.read(2 ** 16);
    if (part === undefined) return Buffer.concat(parts);
    if (part.length > 0) parts.push(part);
    else await pipe.changed.next();
  }
}
