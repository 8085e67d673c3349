// The program of the thread in which a build child runs its tools; see ToolThread.
import { parentPort } from 'node:worker_threads';
import { toWire } from '#runtime/build';
import { prepareTool, runTool, type Tool, type ToolOutcome } from './component-tools.ts';
import type { ToolAnswer } from './tool-thread.ts';
import { withoutWasi } from './without-wasi.ts';

withoutWasi();
prepareTool('validate');

parentPort?.on('message', async ({ tool, component }: { tool: Tool; component: Uint8Array }) => {
  parentPort?.postMessage(answerOf(await runTool(tool, component)));
});

function answerOf(outcome: ToolOutcome): ToolAnswer {
  if (!('refusal' in outcome)) return outcome;
  const { isUsable, refusal } = outcome;
  const { cause, ...error } = toWire(refusal);
  // A cause loses its class on the way, and only its class distinguishes a refusal from a panic. So only a panic keeps its cause.
  return { error: { ...error, cause: isUsable ? undefined : cause }, isUsable };
}
