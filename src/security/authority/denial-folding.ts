import { Folding, type FoldingOptions } from '../folding.ts';
import type { Denial } from './authority.ts';

/** Denials on their way to the listeners. */
export interface FoldedDenials {
  tell(denial: Denial): void;
  /** Reports at once what was counted. */
  end(): void;
}

/** Keeps a guest from flooding the listeners with denials, as the audit log does. */
export function foldDenials(told: (denial: Denial) => void, options: FoldingOptions): FoldedDenials {
  const folding = new Folding<Denial>(
    {
      first: told,
      again: (denial, count) => told({ ...denial, count }),
      further: (denial, count) => told({ ...denial, count, further: true }),
    },
    options,
  );
  return {
    tell: (denial) =>
      folding.add(denial.component, JSON.stringify([denial.area, denial.action, denial.target]), denial),
    end: () => folding.end(),
  };
}
