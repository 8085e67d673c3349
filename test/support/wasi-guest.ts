// A guest in JavaScript that has WASI's files, HTTP and sockets at hand and does what a test sends it.
import { readFileSync } from 'node:fs';
import type { ComponentHandle } from '#core';
import type { CallPath } from '#core/ports/engine';
import { createRuntime, type LoadOptions, type Runtime, type RuntimeOptions } from '#system';
import { builtOnce } from './built-once.ts';

const FOLDER = new URL('../fixtures/wasi/', import.meta.url);

/**
 * The component. The componentizer links `wasi:http` with resource types of its own, which do not fit those of `wasi:io`;
 * so the guest is made with another namespace of the same length, which is put right in the finished bytes.
 */
export function wasiGuest(world: 'guest' | 'handler' = 'guest'): Promise<Uint8Array> {
  return builtOnce(`wasi-${world}.wasm`, () => build(world));
}

async function build(world: 'guest' | 'handler'): Promise<Uint8Array> {
  const { default: qjs } = await import('componentize-qjs');
  const { component } = await qjs.componentize({
    witPath: new URL('guest.wit', FOLDER).pathname,
    jsSource: readFileSync(new URL(`${world}.js`, FOLDER), 'utf8'),
    world,
    sync: true,
    optSize: true,
  });
  const bytes = Buffer.from(component);
  for (let at = bytes.indexOf('wasj:'); at !== -1; at = bytes.indexOf('wasj:', at)) bytes.write('wasi:', at);
  return bytes;
}

/** What a step came to: a value, or the error that an interface answered. */
export interface StepResult {
  readonly ok?: unknown;
  readonly err?: unknown;
}

export interface Guest {
  readonly runtime: Runtime;
  readonly handle: ComponentHandle;
  /** Grants that were asked for in vain. */
  readonly denied: string[];
  /** Runs the body of a function of `api` and `kept` in one turn of the guest. */
  step(body: string): Promise<StepResult>;
  /** The value of a step that must not fail. */
  value(body: string): Promise<unknown>;
}

/** Limits that a guest meets on no machine, however busy it is. */
const PATIENT = { maxExecutionTimeMs: 600_000, maxTurnTimeMs: 600_000, maxStartTimeMs: 600_000 };

export async function loadGuest(
  component: Uint8Array,
  calls: CallPath,
  load: LoadOptions,
  options: RuntimeOptions = {},
): Promise<Guest & AsyncDisposable> {
  const runtime = await createRuntime({ calls, limits: PATIENT, ...options });
  const denied: string[] = [];
  runtime.on('denied', ({ grant }) => void denied.push(grant));
  const handle = await runtime.load(component, { id: 'demo/wasi/1', ...load });
  const step = async (body: string): Promise<StepResult> =>
    JSON.parse((await runtime.call(handle, 'run', body, '')) as string) as StepResult;
  return {
    runtime,
    handle,
    denied,
    step,
    value: async (body) => {
      const { ok, err } = await step(body);
      if (err !== undefined) throw new Error(`the guest failed with ${JSON.stringify(err)} in ${body}`);
      return ok;
    },
    [Symbol.asyncDispose]: () => runtime.close(),
  };
}
