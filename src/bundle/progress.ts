/** The progress of a long step, for a progress bar. */
export interface Progress {
  readonly step: 'pack' | 'send' | 'fetch' | 'restore' | 'check';
  readonly chunks: number;
  /** The total as far as it is known. */
  readonly totalChunks: number;
  readonly bytes: number;
  /** Unknown while packing. */
  readonly totalBytes?: number;
}

export type OnProgress = (progress: Progress) => void;
