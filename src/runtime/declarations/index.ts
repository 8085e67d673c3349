export { guestDeclarations } from './guest-declarations.ts';
export { hostDeclarations } from './host-declarations.ts';
