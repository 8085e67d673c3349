import { isOrderly } from './reader-reason.ts';
import { loadTranspiler, type TranspiledComponent, transpile } from './transpile.ts';
import { loadValidator, whyInvalid } from './validator.ts';

/** The two tools of a build that are WebAssembly themselves: one makes the glue of a component, one says whether it is valid. */
export type Tool = 'transpile' | 'validate';

/**
 * The outcome of running a tool. `invalid` is the reason why the component is not valid, undefined if it is valid. `refusal` is the
 * error that the tool threw, and `isUsable` says whether the tool can run again.
 */
export type ToolOutcome =
  | { readonly transpiled: TranspiledComponent }
  | { readonly invalid: string | undefined }
  | { readonly refusal: Error; readonly isUsable: boolean };

/** Runs tools, one at a time. */
export interface ComponentTools {
  /** Takes the component's buffer away from the caller. */
  run(tool: Tool, component: Uint8Array<ArrayBuffer>): Promise<ToolOutcome>;
}

/** Runs a tool on the calling thread, which it blocks. */
export async function runTool(tool: Tool, component: Uint8Array): Promise<ToolOutcome> {
  try {
    if (tool === 'transpile') return { transpiled: await transpile(component) };
    return { invalid: await whyInvalid(component) };
  } catch (thrown) {
    const refusal = thrown instanceof Error ? thrown : new Error(String(thrown));
    return { refusal, isUsable: isOrderly(thrown) };
  }
}

/** Loads a tool before its first use. If it cannot be loaded, the first use reports that. */
export function prepareTool(tool: Tool): void {
  const loading: Promise<unknown> = tool === 'transpile' ? loadTranspiler() : loadValidator();
  loading.catch(() => undefined);
}
