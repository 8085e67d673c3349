// Streams and futures of the specification's reference implementation (`SharedStreamImpl` and `SharedFutureImpl` of
// `definitions.py`) with both of their ends, as plainly as they are written there.

export type CopyResult = 'completed' | 'dropped' | 'cancelled';

/** A place for values: what a writer offers, or what a reader has got. */
export interface ReferenceBuffer {
  readonly remaining: number;
  readonly progress: number;
  readonly isEmpty: boolean;
  read(count: number): readonly unknown[];
  write(values: readonly unknown[]): void;
}

/** Values without any memory. */
export class ListBuffer implements ReferenceBuffer {
  progress = 0;
  readonly hostBytes = 0;
  readonly got: unknown[] = [];
  readonly #length: number;
  readonly #offers: readonly unknown[];

  constructor(length: number, offers: readonly unknown[] = []) {
    this.#length = length;
    this.#offers = offers;
  }

  get remaining(): number {
    return this.#length - this.progress;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  read(count: number): readonly unknown[] {
    this.progress += count;
    return this.#offers.slice(this.progress - count, this.progress);
  }

  write(values: readonly unknown[]): void {
    this.progress += values.length;
    this.got.push(...values);
  }
}

export interface ReferenceEnd {
  /** Delivers what has happened to it; undefined where nothing has. */
  event: (() => readonly [CopyResult, number]) | undefined;
  state: 'idle' | 'copying' | 'cancelling' | 'done' | 'gone';
}

interface Pending {
  readonly buffer: ReferenceBuffer;
  readonly copied: (reclaim: () => void) => void;
  readonly done: (result: CopyResult) => void;
}

abstract class ReferenceShared {
  isDropped = false;
  pending: Pending | undefined;

  /** Begins a read or a write at an end. */
  abstract copy(end: ReferenceEnd, buffer: ReferenceBuffer, isRead: boolean): void;

  /** Answers what a cancelled copy comes to. It is always known at once. */
  cancel(end: ReferenceEnd): void {
    end.state = 'cancelling';
    if (end.event === undefined) this.notify('cancelled');
  }

  drop(end: ReferenceEnd): void {
    end.state = 'gone';
    if (this.isDropped) return;
    this.isDropped = true;
    this.notify('dropped');
  }

  protected notify(result: CopyResult): void {
    const { pending } = this;
    this.pending = undefined;
    pending?.done(result);
  }
}

export class ReferenceStream extends ReferenceShared {
  copy(end: ReferenceEnd, buffer: ReferenceBuffer, isRead: boolean): void {
    const event = (result: CopyResult, reclaim: () => void) => (): readonly [CopyResult, number] => {
      reclaim();
      const told = end.state === 'cancelling' && result === 'completed' ? 'cancelled' : result;
      end.state = result === 'dropped' ? 'done' : 'idle';
      return [told, buffer.progress];
    };
    const copied = (reclaim: () => void): void => {
      end.event = event('completed', reclaim);
    };
    const done = (result: CopyResult): void => {
      end.event = event(result, () => {});
    };
    end.state = 'copying';
    const { pending } = this;
    if (this.isDropped) done('dropped');
    else if (pending === undefined) this.pending = { buffer, copied, done };
    else if (pending.buffer.remaining > 0) {
      if (buffer.remaining > 0) {
        const count = Math.min(buffer.remaining, pending.buffer.remaining);
        if (isRead) buffer.write(pending.buffer.read(count));
        else pending.buffer.write(buffer.read(count));
        pending.copied(() => {
          this.pending = undefined;
        });
      }
      done('completed');
    } else if (!isRead && buffer.isEmpty && pending.buffer.isEmpty) done('completed');
    else {
      this.notify('completed');
      this.pending = { buffer, copied, done };
    }
  }
}

export class ReferenceFuture extends ReferenceShared {
  copy(end: ReferenceEnd, buffer: ReferenceBuffer, isRead: boolean): void {
    const done = (result: CopyResult): void => {
      end.event = () => {
        end.state = result === 'cancelled' ? 'idle' : 'done';
        return [result, 0];
      };
    };
    end.state = 'copying';
    const { pending } = this;
    if (this.isDropped) done('dropped');
    else if (pending === undefined) this.pending = { buffer, copied: () => {}, done };
    else {
      if (isRead) buffer.write(pending.buffer.read(1));
      else pending.buffer.write(buffer.read(1));
      done('completed');
      this.notify('completed');
    }
  }
}
