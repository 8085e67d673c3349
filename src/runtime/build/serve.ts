import { type Artifact, isVivariumError, type Meter } from '#core';
import { encodeCallPlan } from '../direct/call-plan.ts';
import { planBuild } from '../direct/plan.ts';
import { RuntimeError } from '../errors.ts';
import { validateComponent } from '../validate.ts';
import { type BuildAnswer, type BuildRequest, toWire } from './protocol.ts';
import { coreModuleName, transpile } from './transpile.ts';

/**
 * The child's side: answers each request of the parent with an artifact or an error. Runs in a process of its own,
 * which the parent may kill at any moment.
 */
export function serveBuilds(meter: Pick<Meter, 'meterModule'>): void {
  process.on('message', (request: BuildRequest) => {
    void build(request, meter)
      .then(
        (artifact): BuildAnswer => ({ artifact }),
        (thrown): BuildAnswer => ({ error: toWire(thrown) }),
      )
      .then((answer) => process.send?.(answer));
  });
}

async function build(request: BuildRequest, meter: Pick<Meter, 'meterModule'>): Promise<Artifact> {
  // Whoever asks for a build: what a hostile name would become in the generated code is sealed and kept.
  validateComponent(request.component);
  const { javascript, coreModules, imports, exports } = await transpile(request.component);
  const { calls, attached } = planBuild(request.component);
  const attachedTo = new Map([...attached].map(([index, code]) => [coreModuleName(index), code]));
  const metered = coreModules.map(({ name, bytes }) => {
    try {
      return { name, bytes: meter.meterModule(bytes, request.meteringMode, attachedTo.get(name)).bytes };
    } catch (cause) {
      if (!isVivariumError(cause)) throw cause;
      const message = `core module ${name} cannot be metered: ${cause.message}`;
      throw new RuntimeError('RUNTIME_INVALID_COMPONENT', message, { cause });
    }
  });
  const callPlan = encodeCallPlan(calls);
  return { javascript, coreModules: metered, imports, exports, meteringMode: request.meteringMode, callPlan };
}
