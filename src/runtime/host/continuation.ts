/**
 * The rest of a host function's work, which must run in the turn that has waited. The promise of one of our own host
 * functions resolves to it. The work may use what belongs to the turn, answer, throw an error case, or wait once more by
 * answering another promise.
 */
export class Continuation {
  readonly run: () => unknown;

  constructor(run: () => unknown) {
    this.run = run;
  }
}
