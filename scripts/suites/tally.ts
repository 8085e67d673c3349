/** What became of a suite's commands. */
export class Tally {
  right = 0;
  readonly wrong: string[] = [];
  /** Commands that were not run, by the reason. */
  readonly notRun = new Map<string, number>();

  skip(reason: string, commands = 1): void {
    this.notRun.set(reason, (this.notRun.get(reason) ?? 0) + commands);
  }

  toJSON(): { right: number; wrong: readonly string[]; notRun: Record<string, number> } {
    return { right: this.right, wrong: this.wrong, notRun: Object.fromEntries(this.notRun) };
  }
}
