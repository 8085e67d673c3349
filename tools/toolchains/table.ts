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

const STREAMS = ['arguments', 'cat', 'exit', 'exit with a failure'];
const COMMON = [...STREAMS, 'sleep', 'files'];

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
    name: 'rust3',
    language: 'Rust, WASI 0.3',
    madeBy: 'cargo with the crate wasip3 0.10.0, target wasm32-wasip2',
    source: 'rust3',
    scenarios: [...COMMON, 'copy', 'links', 'tcp', 'udp', 'names', 'late', 'race', 'trap'],
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
    name: 'setjmp',
    language: 'C with setjmp',
    madeBy: "zig cc with exceptions (exnref), and jco's adapter",
    source: 'jump.c',
    scenarios: ['jump'],
    isCommitted: true,
  },
  {
    name: 'cpp',
    language: 'C++',
    madeBy: "zig c++ with exceptions (exnref), and jco's adapter",
    source: 'throw.cpp',
    scenarios: ['throw'],
    isCommitted: true,
  },
  {
    name: 'sqlite',
    language: 'C with SQLite',
    madeBy: "zig cc, and jco's adapter",
    source: 'sqlite.c',
    scenarios: ['database'],
    isCommitted: false,
  },
  {
    name: 'zig',
    language: 'Zig',
    madeBy: "zig 0.17.1, target wasm32-wasi, and jco's adapter",
    source: 'tool.zig',
    scenarios: [...COMMON, 'trap'],
    isCommitted: true,
  },
  {
    name: 'go',
    language: 'Go',
    madeBy: "go 1.26, GOOS=wasip1, and jco's adapter",
    source: 'tool.go',
    scenarios: COMMON,
    isCommitted: false,
  },
  {
    name: 'java',
    language: 'Java',
    madeBy: "TeaVM 0.10.2, target WEBASSEMBLY_WASI, and jco's adapter",
    source: 'tool.java',
    scenarios: ['arguments', 'exit', 'exit with a failure', 'trap', 'files'],
    isCommitted: false,
  },
  {
    name: 'assemblyscript',
    language: 'AssemblyScript',
    madeBy: "asc 0.28.20 with wasi-shim, and jco's adapter",
    source: 'tool.as',
    scenarios: [...STREAMS, 'trap'],
    isCommitted: true,
  },
  {
    name: 'quickjs',
    language: 'JavaScript',
    madeBy: 'componentize-qjs 0.4.5',
    source: 'tool.js',
    scenarios: [...STREAMS, 'sleep'],
    isCommitted: false,
  },
  {
    name: 'starlingmonkey',
    language: 'JavaScript',
    madeBy: 'componentize-js 0.22.0',
    source: 'tool.js',
    scenarios: [...STREAMS, 'sleep'],
    isCommitted: false,
  },
  {
    name: 'python',
    language: 'Python',
    madeBy: 'componentize-py 0.25.1',
    source: 'tool.py',
    scenarios: [...COMMON, 'asyncio'],
    isCommitted: false,
  },
];
