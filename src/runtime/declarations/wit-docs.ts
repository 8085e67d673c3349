import type { DocComments } from '#wasm';

/** The doc comments of a world, by what the declarations describe. */
export class WitDocs {
  readonly #comments: DocComments;

  constructor(comments: DocComments) {
    this.#comments = comments;
  }

  /**
   * Returns the comment of an item, as lines; undefined if there is none.
   * @param owner the interface's name as a component has it, as `acme:shop/carts@1.2.0`, or empty for what a world has
   * @param item a function or type, in WIT's spelling
   * @param member a field, a case, or a function of a resource, which may be `constructor`
   */
  of(owner: string, item: string, member?: string): string | undefined {
    const within = owner === '' ? undefined : owner;
    const found = (name: string): string | undefined => this.#comments.ofFunction(within, name);
    const type = this.#comments.ofType(within, item);
    if (member === undefined) return found(item) ?? type?.docs;
    const inType = type?.items.get(member);
    if (member === 'constructor') return found(`[constructor]${item}`) ?? inType;
    return found(`[method]${item}.${member}`) ?? found(`[static]${item}.${member}`) ?? inType;
  }

  /** The comment of a whole interface, after its name in WIT. */
  ofInterface(owner: string): string {
    const doc = this.#comments.ofInterface(owner);
    return doc === undefined ? owner : `${owner}\n\n${doc}`;
  }

  /** Sentences about the cases of an enum or a variant, and about flags, whose declaration has no place for them. */
  ofCases(owner: string, wit: string, cases: readonly string[]): string[] {
    return cases.flatMap((name) => {
      const doc = this.of(owner, wit, name);
      return doc === undefined ? [] : [`- \`${name}\`: ${doc.replaceAll('\n', ' ')}`];
    });
  }
}
