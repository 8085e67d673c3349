/** A compiler or bundler whose components the suite runs. */
export interface Toolchain {
  readonly name: string;
  readonly language: string;
  readonly madeBy: string;
  /** In `sources`. */
  readonly source: string;
  /** Names of the scenarios that its tool has. */
  readonly scenarios: readonly string[];
  /** Whether the component lies in `components`; the others are large, and made where their tools can be had. */
  readonly isCommitted: boolean;
}

const COMMON = ['arguments', 'cat', 'exit', 'exit with a failure', 'sleep', 'files'];

export const TOOLCHAINS: readonly Toolchain[] = [
  {
    name: 'rust',
    language: 'Rust',
    madeBy: 'rustc, target wasm32-wasip2',
    source: 'tool.rs',
    scenarios: [...COMMON, 'lines', 'trap', 'links', 'sync'],
    isCommitted: true,
  },
  {
    name: 'c',
    language: 'C',
    madeBy: "zig cc, target wasm32-wasi, and jco's adapter",
    source: 'tool.c',
    scenarios: [...COMMON, 'trap', 'links'],
    isCommitted: true,
  },
  {
    name: 'python',
    language: 'Python',
    madeBy: 'componentize-py 0.25.1',
    source: 'tool.py',
    scenarios: COMMON,
    isCommitted: false,
  },
];
