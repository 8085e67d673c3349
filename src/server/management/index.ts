export { management } from './management.ts';
export { isTokenHash, newToken, SCOPES, type Scope, type TokenSettings } from './tokens.ts';
