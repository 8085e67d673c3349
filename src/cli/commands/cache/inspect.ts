import { Command } from 'commander';
import { printable } from '#core/text';
import { inspectBundle } from '#system/operations';
import type { Shell } from '../../shell.ts';
import { bytesText } from '../../terminal/bytes-text.ts';

export function inspectBundleCommand(shell: Shell): Command {
  return new Command('inspect')
    .description('show what a bundle’s folder or lockfile holds')
    .argument('<path>', 'a folder, a .lock.bin or a .lock.toml')
    .option('--producer <name>', 'show only this producer’s, and refuse another')
    .action(shell.action((path: string, { producer }: { producer?: string }) => show(shell, path, producer)));
}

async function show(shell: Shell, path: string, producer: string | undefined): Promise<void> {
  for (const {
    path: file,
    lockfile,
    rootChecked,
    chunksPresent,
    chunksMissing,
    bytes,
    shapes,
    signature,
  } of await inspectBundle(path, producer)) {
    const { meta, sources, topology, root } = lockfile;
    const processors = meta.inputProcessors.map(({ kind, version }) => `${kind} ${version}`).join(', ');
    const text = [
      `producer:   ${meta.producer} ${meta.producerVersion}`,
      `schema:     ${meta.schemaVersion}`,
      `made:       ${timeText(meta.generatedAtMs)}`,
      `processors: ${processors === '' ? 'none' : processors}`,
      `sources:    ${sources.length}`,
      `edges:      ${topology.length}`,
      `root:       blake3:${root}${rootChecked ? '' : ` (not checked: ${meta.producer} has a rule of its own)`}`,
      `chunks:     ${chunksPresent} present (${bytesText(bytes)}; ${shapes.raw} raw, ${shapes.ast} with syntax trees), ${chunksMissing.length} missing`,
      `signed by:  ${signersText(signature)}`,
    ].join('\n');
    const counts = { sources: sources.length, edges: topology.length };
    shell.result(
      {
        path: file,
        ...meta,
        ...counts,
        root,
        rootChecked,
        chunks: { present: chunksPresent, missing: chunksMissing, bytes, shapes },
        entries: sources,
        topology,
        ...(signature !== undefined && { signature: shownSignature(signature) }),
      },
      `${printable(file)}\n${printable(text)}`,
    );
  }
}

/** Formats a time. A hostile lockfile may contain a number that is no valid date. */
function timeText(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? `${ms} ms` : date.toISOString();
}

type Signature = NonNullable<Awaited<ReturnType<typeof inspectBundle>>[number]['signature']>;

function shownSignature(signature: Signature) {
  if ('refused' in signature) return signature;
  return { signers: signature.signers.map(({ name, keyId }) => ({ name, keyId })) };
}

function signersText(signature: Signature | undefined): string {
  if (signature === undefined) return 'nobody';
  if ('refused' in signature) return `nobody who is trusted: ${signature.refused}`;
  return signature.signers.map(({ name, keyId }) => `${name} (${keyId})`).join(', ');
}
