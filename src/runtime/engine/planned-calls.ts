import type { PlannedCalls } from '#runtime/direct';
import { decodeCallPlan, exportedIn } from '#runtime/direct';

/** What the build found; found again for an artifact that another builder made, which costs a start milliseconds. */
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
