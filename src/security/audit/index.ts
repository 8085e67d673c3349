export { AuditFolder, type AuditHead, type HeadFound } from './audit-folder.ts';
export { foldAudit } from './audit-folding.ts';
export { FileAuditLog, MemoryAuditLog } from './audit-log.ts';
export { type AuditFilter, type AuditFinding, type AuditReport, readAudit, verifyAudit } from './audit-reader.ts';
export type { AuditRecord, Link } from './audit-record.ts';
