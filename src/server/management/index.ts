export { type Management, management } from './management.ts';
export { Sockets } from './sockets.ts';
export { isTokenHash, newToken, SCOPES, type Scope, type TokenSettings } from './tokens.ts';
