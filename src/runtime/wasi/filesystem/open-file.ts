import type { HostState } from '#runtime/host';
import type { GuardedFile } from '#security/access';
import type { ByteSink, ByteSource } from '../byte-streams.ts';
import { failed } from '../io.ts';
import { ALWAYS_READY } from '../readiness.ts';
import { answering } from './error-code.ts';

/** A file that a descriptor and its streams share. It is closed when the last of them releases it. */
export class OpenFile {
  readonly file: GuardedFile;
  readonly #caller: HostState;
  #users = 1;

  constructor(caller: HostState, file: GuardedFile) {
    this.file = file;
    this.#caller = caller;
  }

  release(): void {
    this.#users -= 1;
    if (this.#users === 0) this.file.close();
  }

  /** @param failed makes the error case of a code, as for `sink` */
  source(offset: number, failed?: (code: string) => unknown): ByteSource {
    let at = offset;
    return {
      ...ALWAYS_READY,
      read: (length) => {
        const bytes = this.#streaming(() => this.file.read(at, length), failed);
        at += bytes.length;
        return bytes.length === 0 ? undefined : bytes;
      },
      close: this.#held(),
    };
  }

  /** @param offset where writing begins; without it, each write appends to the end of the file */
  sink(offset?: number, failed?: (code: string) => unknown): ByteSink {
    let at = offset;
    const some = (bytes: Uint8Array): number => {
      if (at === undefined) return this.file.append(bytes);
      const written = this.file.write(at, bytes);
      at += written;
      return written;
    };
    return {
      ...ALWAYS_READY,
      room: () => Number.POSITIVE_INFINITY,
      write: (bytes) =>
        this.#streaming(() => {
          for (let done = 0; done < bytes.length; ) done += some(bytes.subarray(done));
        }, failed),
      close: this.#held(),
    };
  }

  #held(): () => void {
    this.#users += 1;
    return () => this.release();
  }

  #streaming<T>(operation: () => T, ofCode = (code: string): unknown => failed(this.#caller, code, code)): T {
    try {
      return answering(operation);
    } catch (code) {
      throw typeof code === 'string' ? ofCode(code) : code;
    }
  }
}
