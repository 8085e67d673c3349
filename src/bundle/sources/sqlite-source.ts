import type { Clock } from '#core/ports/clock';
import { systemClock } from '#core/ports/system-clock';
import type { ProcessorVersion, TopologyEdge } from '../lockfile/model.ts';
import type { BundleSource, PackedSource } from './bundle-source.ts';
import { SqliteProcess } from './sqlite-process.ts';
import type { SqliteReaderOptions } from './sqlite-reader.ts';
import type { Opened, SourceEvent } from './sqlite-wire.ts';

export interface SqliteSourceOptions extends SqliteReaderOptions {
  /** The most milliseconds for opening, or for getting the next rows. Default: a minute, and more for a large file. */
  readonly maxStepMs?: number;
  /** Measures these times; the machine's clock by default. */
  readonly clock?: Pick<Clock, 'after'> | undefined;
}

/**
 * Reads the sources (and syntax trees, if the database has `_ast`) of an SQLite source database in the order of their
 * ids. The database may come from anybody: a child process reads it, and is killed when it takes too long.
 */
export class SqliteSource implements BundleSource {
  readonly producer: string;
  readonly producerVersion: string;
  #inputProcessors: readonly ProcessorVersion[];
  readonly leftOut: string[];
  readonly #process: SqliteProcess;
  readonly #count: number;

  private constructor(
    process: SqliteProcess,
    { producer = 'mache', producerVersion }: SqliteSourceOptions,
    opened: Opened,
  ) {
    this.#process = process;
    this.producer = producer;
    this.producerVersion = producerVersion;
    this.#inputProcessors = opened.inputProcessors;
    this.leftOut = [...opened.leftOut];
    this.#count = opened.count;
  }

  /** @throws {BundleError} `BUNDLE_NOT_FOUND`, `BUNDLE_INVALID_DATABASE`, `BUNDLE_DATABASE_LOCKED`, `BUNDLE_INVALID_OPTION` */
  static async open(options: SqliteSourceOptions): Promise<SqliteSource> {
    const { maxStepMs, clock = systemClock, ...open } = options;
    const process = new SqliteProcess(options.path, clock, maxStepMs);
    try {
      const answer = await process.ask({ open });
      if (!('opened' in answer)) throw new TypeError('the reader did not open the database');
      return new SqliteSource(process, options, answer.opened);
    } catch (error) {
      await process.close();
      throw error;
    }
  }

  /** Complete when `sources` has ended. */
  get inputProcessors(): readonly ProcessorVersion[] {
    return this.#inputProcessors;
  }

  async count(): Promise<number> {
    return this.#count;
  }

  async *sources(): AsyncGenerator<PackedSource> {
    const events = this.#events();
    for (;;) {
      const { done, value } = await events.next();
      if (done === true) return;
      if (!('begin' in value)) throw new TypeError('the reader gives a piece outside a source');
      const pieces = piecesOf(events);
      const first = await pieces.next();
      const second = first.done === true ? first : await pieces.next();
      // Most chunks are one piece, which is written in one step.
      if (first.done === true) yield { ...value.begin, chunk: new Uint8Array(0) };
      else if (second.done === true) yield { ...value.begin, chunk: first.value };
      else yield { ...value.begin, chunk: joined(first.value, second.value, pieces) };
      for await (const _ of pieces);
    }
  }

  topology(): readonly TopologyEdge[] {
    return [];
  }

  async close(): Promise<void> {
    await this.#process.close();
  }

  async *#events(): AsyncGenerator<SourceEvent> {
    for (let asked = this.#next(); ; ) {
      const answer = await asked;
      if (!('batch' in answer)) throw new TypeError('the reader gives no rows');
      // The child reads the next rows while the caller writes these.
      if (!answer.done) asked = this.#next();
      if (answer.leftOut !== undefined) this.leftOut.splice(0, this.leftOut.length, ...answer.leftOut);
      this.#inputProcessors = answer.inputProcessors ?? this.#inputProcessors;
      yield* answer.batch;
      if (answer.done) return;
    }
  }

  #next(): ReturnType<SqliteProcess['ask']> {
    const asked = this.#process.ask({ next: true });
    // A caller that ends early does not wait for the answer.
    asked.catch(() => undefined);
    return asked;
  }
}

async function* piecesOf(events: AsyncGenerator<SourceEvent>): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { done, value } = await events.next();
    if (done === true || !('piece' in value)) return;
    yield value.piece;
  }
}

async function* joined(
  first: Uint8Array,
  second: Uint8Array,
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield first;
  yield second;
  yield* rest;
}
