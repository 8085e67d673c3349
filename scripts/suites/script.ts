import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** A value of a test script. Those of core scripts are bits as decimal text, those of components nest. */
export interface ScriptValue {
  readonly type: string;
  readonly value?: unknown;
  readonly lane_type?: string;
  /** The alternatives of `either`. */
  readonly values?: readonly ScriptValue[];
}

export interface Action {
  readonly type: 'invoke' | 'get';
  readonly module?: string;
  readonly field: string;
  readonly args?: readonly ScriptValue[];
}

/** One command in the usual JSON form of test scripts. */
export interface Command {
  readonly type: string;
  readonly line: number;
  readonly name?: string;
  readonly filename?: string;
  readonly module?: string;
  readonly instance?: string;
  readonly as?: string;
  readonly action?: Action;
  readonly expected?: readonly ScriptValue[];
  readonly text?: string;
}

/** One file of a suite: its commands, and its modules in base64 by the name that commands have for them. */
export interface Script {
  readonly file: string;
  readonly commands: readonly Command[];
  readonly wasm: Readonly<Record<string, string>>;
}

/** The scripts of a suite, from gzipped lines of JSON. */
export function readSuite(path: string): Script[] {
  const lines = gunzipSync(readFileSync(path)).toString('utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Script);
}

export function bytesOf({ file, wasm }: Script, { filename = '', line }: Command): Uint8Array<ArrayBuffer> {
  const text = wasm[filename];
  if (text === undefined) throw new Error(`${file}:${line} names ${filename}, which the suite does not hold`);
  return new Uint8Array(Buffer.from(text, 'base64'));
}
