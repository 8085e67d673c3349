export { AuditFolder } from './audit-folder.ts';
export { foldAudit } from './audit-folding.ts';
export { FileAuditLog, MemoryAuditLog } from './audit-log.ts';
export { type AuditFilter, readAudit, verifyAudit } from './audit-reader.ts';
