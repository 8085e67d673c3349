import type { ComponentAuthority } from './authority.ts';
import type { Stdio } from './bytes.ts';
import type { Preopen } from './files.ts';
import type { ComponentNetwork } from './network.ts';

/** A component's environment variables: those that it was given, and those of the host that it may read now. */
export type Environment = () => readonly (readonly [name: string, value: string])[];

/**
 * What one component is given. It is made when the component is loaded and passed on whole, so that only who makes a field and who
 * uses it must know the field.
 */
export interface HostContext {
  /** What the component may do. Every host function asks it at each use. */
  readonly authority: ComponentAuthority;
  readonly environment: Environment;
  readonly args: readonly string[];
  /** Folders that the component finds open. Its grants say what it may do in them. */
  readonly preopens: readonly Preopen[];
  readonly network: ComponentNetwork;
  /** The handler that a component passes HTTP requests on to; undefined where the embedder gave none. */
  readonly next: Pick<ComponentNetwork, 'fetch'> | undefined;
  readonly stdio: Stdio;
}
