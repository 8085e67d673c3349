import type { Readable, Writable } from 'node:stream';
import type { Stdio } from '#core/ports/bytes';
import { StreamInput, StreamOutput } from '#security/access';
import { type WebOutput, webOutput } from './web-output.ts';

/** The bytes of a component's standard input. */
export type StdinSource = Uint8Array | string | AsyncIterable<Uint8Array | string>;
/** The target of a component's standard output or error: a writable stream of Node or of the web. */
export type OutputTarget = NodeJS.WritableStream | WritableStream<Uint8Array>;

export interface StdioOptions {
  readonly stdin?: StdinSource | undefined;
  readonly stdout?: OutputTarget | undefined;
  readonly stderr?: OutputTarget | undefined;
}

const NONE: Stdio = { close: () => {} };

/**
 * Opens the standard streams of one component. The caller keeps owning the streams that it gives: closing neither ends nor
 * destroys them. An iterable is told that nobody reads it any more.
 */
export async function openStdio({ stdin, stdout, stderr }: StdioOptions): Promise<Stdio> {
  if (stdin === undefined && stdout === undefined && stderr === undefined) return NONE;
  // The module is loaded here because most components have no streams of their own.
  const { Readable, Writable } = await import('node:stream');
  const isReadable = (source: StdinSource): source is Readable & AsyncIterable<Uint8Array> =>
    source instanceof Readable && !source.readableObjectMode && source.readableEncoding === null;
  const made: Readable[] = [];
  const inputOf = (source: StdinSource): StreamInput => {
    if (isReadable(source)) return new StreamInput(source);
    const whole = typeof source === 'string' || source instanceof Uint8Array;
    // A string or an array of bytes becomes one chunk; as an iterable, it would be split into its elements.
    const stream = Readable.from(whole ? [Buffer.from(source as Uint8Array)] : source, { objectMode: false });
    made.push(stream);
    return new StreamInput(stream);
  };
  // Both may be the same stream.
  const web = new Map<OutputTarget, WebOutput>();
  const outputOf = (target: OutputTarget): StreamOutput => {
    if (!(target instanceof WritableStream)) return new StreamOutput(target as Writable);
    const output = web.get(target) ?? webOutput(target, Writable);
    web.set(target, output);
    return new StreamOutput(output.stream);
  };
  const input = stdin === undefined ? undefined : inputOf(stdin);
  const outputs = [stdout, stderr].map((target) => (target === undefined ? undefined : outputOf(target)));
  return {
    stdin: input,
    stdout: outputs[0],
    stderr: outputs[1],
    close() {
      input?.release();
      for (const output of outputs) output?.release();
      for (const output of web.values()) output.release();
      for (const stream of made) stream.on('error', () => {}).destroy();
    },
  };
}
