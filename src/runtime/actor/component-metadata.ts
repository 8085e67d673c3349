/** UTF-16 units that are kept of one text of a component's metadata, and of its operations how many and how much. */
const MOST_TEXT = 512;
const MOST_OPERATIONS = 32;
const MOST_OPERATION = 64;

/** `component-metadata` as the guest's `metadata` export answers it. */
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
 * What is kept of what a guest says of itself: a few KB, whatever it said, since others are given it in their own memory.
 * Longer texts are cut.
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

/** Bytes that it takes of the host. */
export function metadataBytes(kept: ComponentMetadata): number {
  const texts = [kept.name, kept.version, kept.description, kept.author, kept.license, ...kept.supportedOperations];
  return texts.reduce((sum, text) => sum + 64 + 2 * text.length, 128);
}

/** The beginning of a text as a text of its own: a slice of V8's would keep the whole. */
function copied(text: string, most: number): string {
  const cut = text.length > most ? `${text.slice(0, most - 1).toWellFormed()}…` : text;
  return Buffer.from(cut, 'utf16le').toString('utf16le');
}
