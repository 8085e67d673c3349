// Appends to an audit log: node append.ts <home> <component> <count>. Prints a line for every ten entries.
import { randomBytes } from 'node:crypto';
import { AuditFolder, FileAuditLog } from '#security/audit';
import { MachineSecret } from '#security/keys';
import { systemClock } from '../../src/system/clock.ts';
import { TestClock } from '../../src/testing/clock.ts';

const [home = '', component = '', count = ''] = process.argv.slice(2);
const random = { bytes: (length: number) => randomBytes(length), fraction: () => 0 };
const folder = new AuditFolder(`${home}/audit`, new MachineSecret(home, random), systemClock);
const audit = new FileAuditLog({ folder, clock: new TestClock(), maxFileBytes: 20_000, maxFiles: 1_000 });
for (let i = 0; i < Number(count); i++) {
  audit.append({ action: 'load', component, target: `target ${i}`, outcome: 'done' });
  if (i % 10 !== 9) continue;
  await audit.flush();
  console.log(i);
}
await audit.close();
