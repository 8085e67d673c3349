import type { RuntimeOptions } from '#system';
import type { EngineFlags } from './engine-options.ts';
import type { LimitFlags } from './limit-options.ts';

/** Returns what every command that runs one component makes its runtime with. */
export function runtimeOptionsOf(flags: LimitFlags & EngineFlags, trust: RuntimeOptions['trust']): RuntimeOptions {
  return {
    ...(flags.maxComponent === undefined ? {} : { maxComponentBytes: flags.maxComponent }),
    trust,
    audit: 'file',
    branchHints: flags.branchHints,
  };
}
