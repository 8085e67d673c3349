import type { MakeFiles } from './files.ts';

export const C: Readonly<Record<'command', MakeFiles>> = {
  command: (name) => ({
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
