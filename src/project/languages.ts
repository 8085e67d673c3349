/** The languages of a new project. Those other than TypeScript are compiled by their own toolchains. */
export type Language = 'typescript' | 'rust' | 'python' | 'c';

/** A project's files, and the commands to type next. */
export interface LanguageFiles {
  readonly files: Readonly<Record<string, string>>;
  /** Each command, with what it needs or does as a remark. */
  readonly commands: readonly string[];
}

const CLI_WIT = `package wasi:cli@0.2.0;

interface run {
  run: func() -> result;
}
`;

/** Makes the files of a command in a language, for a component called `name`. */
export const COMMANDS: Readonly<Record<Exclude<Language, 'typescript'>, (name: string) => LanguageFiles>> = {
  rust: (name) => ({
    files: {
      'src/main.rs': `use std::env;
use std::io::{self, BufRead};
use std::process::ExitCode;

fn main() -> ExitCode {
    let who = env::args().nth(1).unwrap_or_else(|| "world".into());
    println!("Hello, {who}!");
    for line in io::stdin().lock().lines() {
        match line {
            Ok(line) => println!("{line}"),
            Err(error) => {
                eprintln!("standard input: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
`,
    },
    commands: [
      `rustc --target wasm32-wasip2 -O src/main.rs -o ${name}.wasm`,
      `viv run ${name}.wasm -- Ada`,
      '',
      '# The target comes with `rustup target add wasm32-wasip2`, or as libstd-rust-dev-wasm32 of Debian 13.',
    ],
  }),
  python: (name) => ({
    files: {
      'app.py': `import sys

from wit_world import exports


class Run(exports.Run):
    def run(self) -> None:
        who = sys.argv[1] if len(sys.argv) > 1 else "world"
        print(f"Hello, {who}!")
        for line in sys.stdin:
            print(line, end="")
`,
      'wit/world.wit': 'package local:command;\n\nworld command {\n  export wasi:cli/run@0.2.0;\n}\n',
      'wit/deps/cli/cli.wit': CLI_WIT,
    },
    commands: [
      'python3 -m pip install componentize-py',
      `componentize-py -d wit -w command componentize app -o ${name}.wasm`,
      `viv run ${name}.wasm -- Ada`,
    ],
  }),
  c: (name) => ({
    files: {
      'src/main.c': `#include <stdio.h>

int main(int argc, char **argv) {
  printf("Hello, %s!\\n", argc > 1 ? argv[1] : "world");
  for (int byte; (byte = getchar()) != EOF;) putchar(byte);
  return ferror(stdin) ? 1 : 0;
}
`,
    },
    commands: [
      'python3 -m pip install ziglang                      # a C compiler with the library of WASI; or clang and wasi-libc',
      `python3 -m ziglang cc -target wasm32-wasi -Os src/main.c -o ${name}.core.wasm`,
      `npx @bytecodealliance/jco new ${name}.core.wasm --wasi-command -o ${name}.wasm`,
      `viv run ${name}.wasm -- Ada`,
    ],
  }),
};
