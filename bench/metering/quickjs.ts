import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { transpileBytes } from '@bytecodealliance/jco-transpile';
import { componentize } from 'componentize-qjs';
import { Guest, WAYS, type Way } from './guests.ts';
import { ratios } from './statistics.ts';

type Instantiate = (
  getCoreModule: (name: string) => WebAssembly.Module,
  imports: object,
  instantiateCore: (module: WebAssembly.Module, imports: WebAssembly.Imports) => { exports: WebAssembly.Exports },
) => { run(rounds: number): number };

const WARM_UP_MS = 3_000;

const here = (file: string): string => fileURLToPath(new URL(`./guest/${file}`, import.meta.url));

/** A QuickJS guest that runs a program in JavaScript, against the same component with plain core modules. */
export async function measureQuickJs(rounds: number): Promise<Record<Way, number>> {
  const { component } = await componentize({
    witPath: here('world.wit'),
    jsSource: readFileSync(here('program.js'), 'utf8'),
    sync: true,
    stubWasi: true,
  });
  const { files } = await transpileBytes(component, {
    name: 'guest',
    instantiation: { tag: 'sync' },
    noTypescript: true,
  } as never);
  const folder = mkdtempSync(join(tmpdir(), 'vivarium-bench-'));
  try {
    const script = join(folder, 'guest.mjs');
    writeFileSync(script, files['guest.js']!);
    const { instantiate } = (await import(pathToFileURL(script).href)) as { instantiate: Instantiate };
    const runs = WAYS.map((way) => [way, open(way, instantiate, files)] as const);
    if (new Set(runs.map(([, run]) => run(2))).size !== 1) throw new Error('the metered guest answers otherwise');
    const ways: Record<string, () => void> = Object.fromEntries(runs.map(([way, run]) => [way, () => run(2)]));
    // V8 compiles the interpreter's loop, one function of 54 KB, for a second or two; until then baseline code would be measured.
    for (const way of Object.values(ways))
      for (const begun = performance.now(); performance.now() < begun + WARM_UP_MS; ) way();
    return ratios(ways as Record<Way, () => void>, rounds);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function open(way: Way, instantiate: Instantiate, files: Record<string, Uint8Array>): (rounds: number) => number {
  const guest = new Guest(way);
  const compile = (name: string): WebAssembly.Module => guest.compile(files[name]!);
  const { run } = guest.run(() =>
    instantiate(compile, {}, (module, imports) => ({ exports: guest.link(module, imports) })),
  );
  return (rounds) => guest.run(() => run(rounds));
}
