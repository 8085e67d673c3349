/** The host keeps this many UTF-16 units of each text of a component's metadata, this many operations, and this many units of each. */
const MOST_TEXT = 512;
const MOST_OPERATIONS = 32;
const MOST_OPERATION = 64;

/** The `component-metadata` that the guest's `metadata` export returns. */
export interface ComponentMetadata {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly author: string;
  readonly license: string;
  readonly supportedOperations: readonly string[];
  readonly stateful: boolean;
}

/**
 * Copies what a guest says about itself and cuts longer texts. The copy is never more than a few KB, because the host writes it into
 * the memory of other guests that ask for it.
 */
export function keptMetadata(said: ComponentMetadata): ComponentMetadata {
  const operations: string[] = [];
  for (let index = 0; index < Math.min(said.supportedOperations.length, MOST_OPERATIONS); index++) {
    operations.push(copied(said.supportedOperations[index] as string, MOST_OPERATION));
  }
  return {
    name: copied(said.name, MOST_TEXT),
    version: copied(said.version, MOST_TEXT),
    description: copied(said.description, MOST_TEXT),
    author: copied(said.author, MOST_TEXT),
    license: copied(said.license, MOST_TEXT),
    supportedOperations: operations,
    stateful: said.stateful,
  };
}

/** How many bytes of the host kept metadata takes. */
export function metadataBytes(kept: ComponentMetadata): number {
  const texts = [kept.name, kept.version, kept.description, kept.author, kept.license, ...kept.supportedOperations];
  return texts.reduce((sum, text) => sum + 64 + 2 * text.length, 128);
}

/** Copies the beginning of a text. A plain slice would not do, because V8 keeps the whole text alive for it. */
function copied(text: string, most: number): string {
  const cut = text.length > most ? `${text.slice(0, most - 1).toWellFormed()}…` : text;
  return Buffer.from(cut, 'utf16le').toString('utf16le');
}
