// Real processes of `viv` whose output cannot be written: a pipe that is closed, and a disk that is full.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const place = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const TOOL = place('test/toolchains/components/rust.wasm');

/** Runs a line of bash, in which `viv` is the program. Standard error and output come together. */
function bash(line: string): string {
  const viv = `viv() { '${process.execPath}' '${place('bin/viv.js')}' "$@"; }`;
  return execFileSync('bash', ['-c', `${viv}; { ${line}; } 2>&1`], { encoding: 'utf8', timeout: 600_000 });
}

describe('viv, when its output cannot be written,', () => {
  it('gives the exit code of a command whose reader has seen enough', () => {
    const ended = bash(
      `head -c 2000000 /dev/zero | viv run '${TOOL}' -- cat | head -c 1 >/dev/null; echo "\${PIPESTATUS[1]}"`,
    );
    expect(ended).toMatch(/^[\s\S]*\n134\n$/);
    expect(bash(`viv inspect '${TOOL}' | true; echo "\${PIPESTATUS[0]}"`)).toBe('0\n');
  });

  it.runIf(existsSync('/dev/full'))('says that the disk is full, without a stack trace', () => {
    expect(bash(`viv inspect '${TOOL}' >/dev/full; echo $?`)).toBe(
      'CLI_FILE: standard output cannot be written: the disk is full\n2\n',
    );
    const ended = bash(`head -c 2000000 /dev/zero | viv run '${TOOL}' -- cat >/dev/full; echo $?`);
    expect(ended).toMatch(/\n134\n$/);
    expect(ended).not.toContain('ENOSPC');
  });
});
