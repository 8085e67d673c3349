import type { AuditFolder } from '#security/audit';
import { Keyring, MachineSecret, vivariumHome } from '#security/keys';
import { auditFolder } from '../audit.ts';
import { systemClock, systemRandom } from '../clock.ts';

/** Opens the keys and trusted keys in a home folder; `VIVARIUM_HOME` by default. */
export function openKeyring(home: string = vivariumHome()): Keyring {
  return new Keyring(home, systemClock);
}

/** Opens the audit log in a home folder, for `readAudit` and `verifyAudit`. */
export function openAuditFolder(home: string = vivariumHome()): AuditFolder {
  return auditFolder(home, new MachineSecret(home, systemRandom), systemClock);
}

export { type AuditFilter, readAudit, verifyAudit } from '#security/audit';
