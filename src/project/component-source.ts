/** What a component is made of: a bundled source, and the WIT folder or file with its world. */
export interface ComponentSource {
  readonly bundle: string;
  readonly witPath: string;
  readonly world: string;
}
