import { readFileSync } from 'node:fs';

/** Returns Vivarium's own version, which lockfiles record as the version of their producer. */
export function packageVersion(): string {
  // src/ and dist/ are at the same depth below package.json.
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
