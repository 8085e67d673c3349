import { setFlagsFromString } from 'node:v8';
import type { Meter } from '#core/ports/meter';
import { endWithParent } from '#processes';
import { type BuildAnswer, type BuildRequest, toWire } from '#runtime/build';
import { BuildRun } from './build-run.ts';
import { type ComponentTools, prepareTool, runTool } from './component-tools.ts';
import { ToolThread } from './tool-thread.ts';
import { withoutWasi } from './without-wasi.ts';

/** Below this many bytes of a component, metering takes less time than a thread takes to start. */
const WORTH_A_THREAD = 256 * 1024;

const toolsHere: ComponentTools = { run: runTool };

/**
 * The child's side of the protocol: it answers each request of the parent with an artifact or an error. It runs in its own process,
 * which the parent may kill at any moment.
 */
export function serveBuilds(meter: Pick<Meter, 'meterModule'>): void {
  // Keep the tools' own code at the baseline tier, in all threads. Most children build only a few components, and the optimising compiler
  // would spend more processor time on the tools, in threads beside this one, than the tools take themselves.
  setFlagsFromString('--wasm-tiering-budget=1000000000');
  withoutWasi();
  prepareTool('validate');
  const thread = new ToolThread();
  endWithParent();
  process.on('message', (request: BuildRequest) => {
    const tools = request.component.length < WORTH_A_THREAD ? toolsHere : thread;
    const run = new BuildRun(request, meter, tools);
    void run
      .build()
      .then(
        (artifact): BuildAnswer => ({ artifact, spoiled: run.spoiled }),
        (thrown): BuildAnswer => ({ error: toWire(thrown), spoiled: run.spoiled }),
      )
      .then((answer) => process.send?.(answer));
  });
}
