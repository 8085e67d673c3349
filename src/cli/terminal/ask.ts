import { formatComponentId, parseComponentId } from '#core';
import { VivariumError } from '#core/errors';
import { printable } from '#core/text';
import { type ActorManifest, missingGrants } from '#system/operations';
import type { Shell } from '../shell.ts';
import type { InputLines } from './input-lines.ts';

/**
 * Decides on the grants that manifests ask for. Asks the person at the terminal once about all grants that `--grant` does not cover.
 * @throws `SECURITY_PERMISSION_DENIED` if a grant is left that nobody gave
 */
export async function settleGrants(
  shell: Shell,
  lines: InputLines,
  manifests: readonly ActorManifest[],
  given: readonly string[],
): Promise<void> {
  const missing = manifests
    .map(({ id, grants }) => ({ id: formatComponentId(parseComponentId(id)), grants: missingGrants(grants, given) }))
    .filter(({ grants }) => grants.length > 0);
  if (missing.length === 0 || (await agrees(shell, lines, missing))) return;
  const { id, grants } = missing[0]!;
  const message = `${id} asks for ${grants[0]}, which nobody granted; add --grant '${grants[0]}'`;
  throw new VivariumError('SECURITY_PERMISSION_DENIED', message, {
    details: { component: id, grant: grants[0] },
    kind: 'refused',
  });
}

/** Asks for agreement; returns false without a terminal, because input from a pipe is no agreement. */
async function agrees(
  { streams, json }: Shell,
  lines: InputLines,
  missing: readonly { readonly id: string; readonly grants: readonly string[] }[],
): Promise<boolean> {
  const { stdin, stderr } = streams;
  if (json || stdin.isTTY !== true || stderr.isTTY !== true) return false;
  for (const { id, grants } of missing)
    stderr.write(`${id} asks for\n${grants.map((each) => `  ${printable(each)}\n`).join('')}`);
  stderr.write('Grant all of this? [y/N] ');
  const answer = await lines.next();
  // If the input ended without an answer, the cursor is still on the line of the question.
  if (answer === undefined) stderr.write('\n');
  return answer !== undefined && /^y(es)?$/i.test(answer.trim());
}
