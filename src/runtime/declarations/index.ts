export { guestDeclarations } from './guest-declarations.ts';
export { hostDeclarations } from './host-declarations.ts';
export { NO_DOCS, readWitDocs, type WitDocs } from './wit-docs.ts';
