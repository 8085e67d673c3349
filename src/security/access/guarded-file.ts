import { closeSync, fdatasync, fstatSync, fsync, ftruncateSync, futimesSync, readSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { type FileFacts, type FileTimes, factsOf } from './file-facts.ts';
import { attempt, fileFailure } from './file-failure.ts';
import { flushed } from './flushes.ts';

const [flushAll, flushData] = [promisify(fsync), promisify(fdatasync)];

/** An open file. Its grant is checked on each use, so that revoking it stops the next use. */
export class GuardedFile {
  readonly #fd: number;
  readonly #path: string;
  readonly #check: (action: 'read' | 'write') => void;
  readonly #maxBytes: number;
  readonly #onClose: () => void;
  #closed = false;
  #flushes = 0;

  constructor(
    fd: number,
    path: string,
    check: (action: 'read' | 'write') => void,
    maxBytes: number,
    onClose: () => void,
  ) {
    this.#fd = fd;
    this.#path = path;
    this.#check = check;
    this.#maxBytes = maxBytes;
    this.#onClose = onClose;
  }

  /** Reads at most `length` bytes from `offset`; none at the end of the file. */
  read(offset: number, length: number): Uint8Array {
    return this.#use('read', () => {
      const buffer = new Uint8Array(Math.min(length, this.#maxBytes));
      return buffer.subarray(0, readSync(this.#fd, buffer, 0, buffer.length, offset));
    });
  }

  /** Writes at `offset`. Returns how many bytes were written. */
  write(offset: number, bytes: Uint8Array): number {
    return this.#use('write', () => writeSync(this.#fd, bytes, 0, Math.min(bytes.length, this.#maxBytes), offset));
  }

  /** Writes at the current end of the file. Returns how many bytes were written. */
  append(bytes: Uint8Array): number {
    return this.write(
      this.#use('write', () => fstatSync(this.#fd).size),
      bytes,
    );
  }

  stat(): FileFacts {
    return this.#use('read', () => factsOf(fstatSync(this.#fd)));
  }

  setTimes(times: (now: FileFacts) => FileTimes): void {
    this.#use('write', () => {
      const { accessedMs, modifiedMs } = times(factsOf(fstatSync(this.#fd)));
      futimesSync(this.#fd, accessedMs / 1_000, modifiedMs / 1_000);
    });
  }

  resize(size: number): void {
    this.#use('write', () => ftruncateSync(this.#fd, size));
  }

  /** Waits until the written bytes are on the disk, or at least what is needed to read them again. */
  async sync(action: 'read' | 'write', dataOnly: boolean): Promise<void> {
    this.#use(action, () => {});
    this.#flushes += 1;
    try {
      await flushed(async () => {
        if (!this.#closed) await (dataOnly ? flushData : flushAll)(this.#fd);
      });
    } catch (error) {
      throw fileFailure(error, this.#path);
    } finally {
      this.#flushes -= 1;
      if (this.#closed) this.#end();
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#end();
  }

  /**
   * Closes the descriptor, but later if it is being flushed, because its number must not belong to another file
   * meanwhile.
   */
  #end(): void {
    if (this.#flushes > 0) return;
    this.#onClose();
    closeSync(this.#fd);
  }

  #use<T>(action: 'read' | 'write', operation: () => T): T {
    // The descriptor number may belong to another file by now.
    if (this.#closed) throw fileFailure('EBADF', this.#path, 'the file was closed');
    this.#check(action);
    return attempt(this.#path, operation);
  }
}
