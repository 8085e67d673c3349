/**
 * What the promise of a host function of ours resolves to where its work goes on in the turn that has waited: it may use
 * what belongs to the turn, answer, throw an error case, or wait once more by answering another promise.
 */
export class Continuation {
  readonly run: () => unknown;

  constructor(run: () => unknown) {
    this.run = run;
  }
}
