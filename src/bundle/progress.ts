/** How far a long step is: what a progress bar shows. */
export interface Progress {
  readonly step: 'pack' | 'send' | 'fetch' | 'restore' | 'check';
  readonly chunks: number;
  /** All of them, as far as is known. */
  readonly totalChunks: number;
  readonly bytes: number;
  /** Unknown while packing. */
  readonly totalBytes?: number;
}

export type OnProgress = (progress: Progress) => void;
