/**
 * Numbers that stand for suspended stacks. A promise that is resolved with an object looks for its method `then`, which
 * takes as long as the rest of a resumption; a number has none.
 */
export class Tokens<T> {
  readonly #things: (T | undefined)[] = [];
  readonly #free: number[] = [];

  give(thing: T): number {
    const token = this.#free.pop() ?? this.#things.length;
    this.#things[token] = thing;
    return token;
  }

  /** @throws {Error} where the token stands for nothing */
  take(token: number): T {
    const thing = this.#things[token];
    if (thing === undefined) throw new Error('no suspended stack has this token');
    this.#things[token] = undefined;
    this.#free.push(token);
    return thing;
  }
}
