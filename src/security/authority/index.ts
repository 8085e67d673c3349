export { Authority, type Denial } from './authority.ts';
export { CapabilitySet } from './capability-set.ts';
export { type FoldedDenials, foldDenials } from './denial-folding.ts';
export type { GrantInput } from './grant.ts';
export { canonicalAddress, isPublicAddress } from './ip-address.ts';
export { type Endpoint, formatEndpoint, parseEndpoint } from './network-address.ts';
export type { GrantPolicy, LoadFacts, TrustPolicy } from './policy.ts';
