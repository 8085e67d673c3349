import type { AuthorityFlags } from '../../options/authority.ts';
import type { EngineFlags } from '../../options/engine-options.ts';
import type { EnvironmentFlags } from '../../options/environment.ts';
import type { LimitFlags } from '../../options/limit-options.ts';
import type { RegistryFlags } from '../../options/registry-source.ts';

export interface RunFlags extends LimitFlags, AuthorityFlags, RegistryFlags, EngineFlags, EnvironmentFlags {
  readonly message: readonly string[];
  readonly messageFile: readonly string[];
  readonly config?: string;
  readonly id?: string;
}
