import { hash } from 'node:crypto';
import type { Artifact, CompiledArtifact } from '#core/ports/artifact';

/** The smallest core module with a function `answer` that returns `value` (0 to 63), and a custom section to give it size. */
export function answerModule(value: number, padding = 0): Uint8Array {
  const code = Uint8Array.of(
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...[1, 5, 1, 0x60, 0, 1, 0x7f],
    ...[3, 2, 1, 0],
    ...[7, 10, 1, 6, ...Buffer.from('answer'), 0, 0],
    ...[10, 6, 1, 4, 0, 0x41, value, 0x0b],
  );
  if (padding === 0) return code;
  const custom = Uint8Array.of(0, ...leb(padding + 2), 1, 0x70);
  return Buffer.concat([code, custom, Buffer.alloc(padding, value)]);
}

/** A stand-in for a component: any bytes with a digest will do, since the build under test is ours. */
export interface TestComponent {
  readonly value: number;
  readonly bytes: Uint8Array;
  readonly digest: string;
}

export function testComponent(value: number): TestComponent {
  const bytes = Buffer.from(`component ${value}`);
  return { value, bytes, digest: `sha256:${hash('sha256', bytes)}` };
}

/** What a build makes of it: real modules and text, the same each time. */
export function artifactOf({ value }: TestComponent, padding = 0): Artifact {
  return {
    javascript: `export const name = 'component ${value} – é 😀';`,
    coreModules: [
      { name: 'main.core.wasm', bytes: answerModule(value, padding) },
      { name: 'main.core2.wasm', bytes: answerModule((value + 1) % 64) },
    ],
    imports: ['wasi:cli/environment@0.2.3'],
    exports: [
      { name: 'run', kind: 'function' },
      { name: 'vivarium:actor/lifecycle@0.1.0', kind: 'instance' },
    ],
    meteringMode: 'fuel',
  };
}

/** What running the modules shows: the only proof that it is the right artifact. */
export function answersOf(compiled: CompiledArtifact): number[] {
  return [...compiled.modules.values()].map((module) => {
    const { answer } = new WebAssembly.Instance(module).exports;
    return (answer as () => number)();
  });
}

export function expectedAnswers({ value }: TestComponent): number[] {
  return [value, (value + 1) % 64];
}

function leb(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)];
}
