/** One line of `npm run bench -- GROUP --json`. */
export interface Figure {
  readonly group: string;
  readonly figure: string;
  readonly value: number;
  readonly unit: string;
  /** What the value is a ratio against, measured in the same run. */
  readonly peer?: string;
  readonly goal: string;
  readonly holds: boolean;
}

export type Report = (figure: Omit<Figure, 'group'>) => void;

/** A group of figures; `bench/<group>/index.ts` exports one as `run`. */
export type RunGroup = (report: Report) => Promise<void>;
