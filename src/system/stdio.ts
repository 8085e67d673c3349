import type { Readable, Writable } from 'node:stream';
import type { Stdio } from '#core/ports/bytes';
import { StreamInput, StreamOutput } from '#security/access';

/** Bytes for a component's standard input. */
export type StdinSource = Uint8Array | string | AsyncIterable<Uint8Array | string>;
/** Where a component's standard output or error goes: a writable stream of Node's or of the web's. */
export type OutputTarget = NodeJS.WritableStream | WritableStream<Uint8Array>;

export interface StdioOptions {
  readonly stdin?: StdinSource | undefined;
  readonly stdout?: OutputTarget | undefined;
  readonly stderr?: OutputTarget | undefined;
}

const NONE: Stdio = { close: () => {} };

/**
 * The standard streams of one component. What it is given goes on being its owner's: it is neither ended nor destroyed when
 * the component is gone, but an iterable is told that nobody wants more of it.
 */
export async function openStdio({ stdin, stdout, stderr }: StdioOptions): Promise<Stdio> {
  if (stdin === undefined && stdout === undefined && stderr === undefined) return NONE;
  // Loaded on use: most components have no streams of their own.
  const { Readable, Writable } = await import('node:stream');
  const isReadable = (source: StdinSource): source is Readable & AsyncIterable<Uint8Array> =>
    source instanceof Readable && !source.readableObjectMode && source.readableEncoding === null;
  const made: Readable[] = [];
  const inputOf = (source: StdinSource): StreamInput => {
    if (isReadable(source)) return new StreamInput(source);
    const whole = typeof source === 'string' || source instanceof Uint8Array;
    // A text or an array of bytes is one piece.
    const stream = Readable.from(whole ? [Buffer.from(source as Uint8Array)] : source, { objectMode: false });
    made.push(stream);
    return new StreamInput(stream);
  };
  const outputOf = (target: OutputTarget): StreamOutput =>
    new StreamOutput(target instanceof WritableStream ? Writable.fromWeb(target) : (target as Writable));
  const input = stdin === undefined ? undefined : inputOf(stdin);
  const outputs = [stdout, stderr].map((target) => (target === undefined ? undefined : outputOf(target)));
  return {
    stdin: input,
    stdout: outputs[0],
    stderr: outputs[1],
    close() {
      input?.release();
      for (const output of outputs) output?.release();
      for (const stream of made) stream.on('error', () => {}).destroy();
    },
  };
}
