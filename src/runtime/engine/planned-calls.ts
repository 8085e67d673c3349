import type { PlannedCalls } from '#runtime/direct';
import { decodeCallPlan, exportedIn } from '#runtime/direct';

/** Returns the call plan that the build made. An artifact of another builder has none: it is planned here, which takes milliseconds. */
export async function plannedCalls(
  component: () => Promise<Uint8Array>,
  kept: string | undefined,
): Promise<PlannedCalls> {
  const plan = kept === undefined ? undefined : decodeCallPlan(kept);
  if (kept !== undefined && plan !== undefined) return { plan, exported: () => exportedIn(kept) };
  const { planBuild } = await import('#runtime/planning');
  const { calls, exported } = planBuild(await component());
  return { plan: calls, exported: () => exported };
}
