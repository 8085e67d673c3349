// Every host function that a component may be given, found where the linker defines them: a new one is in the table by itself.
import { vi } from 'vitest';
import { createRuntime, type Runtime, type RuntimeOptions } from '../../../src/index.ts';
import { HostLinker } from '../../../src/runtime/host/host-linker.ts';
import { plain } from '../../../tools/components/actor-wat.ts';

export type Callable = (this: unknown, ...args: readonly unknown[]) => unknown;
export type Members = Readonly<Record<string, unknown>>;

export interface HostTable {
  readonly runtime: Runtime;
  /** By interface, functions and classes of resources: without its version, or as `wasi:cli/stdin@0.3` where it is a second version. */
  readonly interfaces: ReadonlyMap<string, Members>;
  /** `wasi:io/poll#poll`, `wasi:io/poll#Pollable.block`, `wasi:http/types#Fields[static]fromList`, `wasi:http/types#Fields[new]`. */
  readonly functions: readonly string[];
}

export async function hostTable(options: RuntimeOptions): Promise<HostTable> {
  const define = vi.spyOn(HostLinker.prototype, 'define');
  const runtime = await createRuntime(options);
  await runtime.unload(await runtime.load(await plain('', '(local.get 0)')));
  const interfaces = new Map<string, Members>();
  const functions: string[] = [];
  for (const [name, members] of define.mock.calls) {
    if ([...interfaces.values()].includes(members)) continue;
    const [base = '', version = ''] = name.split('@');
    const from = interfaces.has(base) ? `${base}@${version.replace(/\.\d+$/, '')}` : base;
    interfaces.set(from, members);
    for (const [key, value] of Object.entries(members)) functions.push(...namesOf(`${from}#${key}`, value));
  }
  define.mockRestore();
  return { runtime, interfaces, functions: functions.toSorted() };
}

function namesOf(name: string, value: unknown): string[] {
  if (typeof value !== 'function') return [];
  if (!isClass(value)) return [name];
  const { prototype } = value as { prototype: object };
  const own = Object.getOwnPropertyNames(prototype).filter((key) => key !== 'constructor');
  const statics = Object.getOwnPropertyNames(value).filter((key) => !['length', 'name', 'prototype'].includes(key));
  return [...own.map((key) => `${name}.${key}`), ...statics.map((key) => `${name}[static]${key}`)];
}

function isClass(value: object): boolean {
  return Function.prototype.toString.call(value).startsWith('class');
}
