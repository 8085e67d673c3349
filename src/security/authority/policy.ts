import type { GrantInput } from './grant.ts';

/** The facts about a component to load on which a policy may decide. */
export interface LoadFacts {
  /** The id that the component will have. */
  readonly component: string;
  /** `sha256:` and 64 hex digits of the hash of the bytes that will run. */
  readonly digest: string;
  /** The names of the trusted keys with valid signatures over these bytes. */
  readonly signers: readonly string[];
}

/** Grants that a component gets in addition to those of `load`. */
export type GrantPolicy = (facts: LoadFacts) => readonly GrantInput[] | Promise<readonly GrantInput[]>;

/**
 * Whether a component may run at all: `any` always, `signed` only with a signature of a trusted key, or as a function
 * decides.
 */
export type TrustPolicy = 'any' | 'signed' | ((facts: LoadFacts) => boolean | Promise<boolean>);
