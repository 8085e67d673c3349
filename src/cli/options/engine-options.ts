import type { Command } from 'commander';

export interface EngineFlags {
  readonly branchHints?: true;
}

/** Adds `--branch-hints`. */
export function addEngineOptions(command: Command): Command {
  return command.option('--branch-hints', 'have V8 heed the hints in metered code: faster on Node 24, on in Node 26');
}
