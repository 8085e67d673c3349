export { SecurityError, type SecurityErrorCode } from './errors.ts';
