import { readFileSync } from 'node:fs';

/** Vivarium's own version, which lockfiles name as their producer's. */
export function packageVersion(): string {
  // src/ and dist/ lie at the same depth below package.json.
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
