import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new folder that goes with the scope: `using folder = temporaryFolder()`. */
export function temporaryFolder(): { readonly path: string; at(...parts: string[]): string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'vivarium-test-'));
  return {
    path,
    at: (...parts) => join(path, ...parts),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
