import type { GrantInput } from './grant.ts';

/** What is about to be loaded, as far as a policy may want to know it. */
export interface LoadFacts {
  /** The id that it will have. */
  readonly component: string;
  /** `sha256:` and 64 hex digits over the bytes that will run. */
  readonly digest: string;
  /** Names of the trusted keys whose signatures over these bytes count. */
  readonly signers: readonly string[];
}

/** Grants that a component gets beside those that `load` was given. */
export type GrantPolicy = (facts: LoadFacts) => readonly GrantInput[] | Promise<readonly GrantInput[]>;

/** Whether a component may run at all: `any`, only what a trusted key `signed`, or as a function says. */
export type TrustPolicy = 'any' | 'signed' | ((facts: LoadFacts) => boolean | Promise<boolean>);
