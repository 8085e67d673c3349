// npm run bench -- http: how fast components answer beside other servers, what observing costs, and what many tenants, sockets,
// replacements and long bodies take.
import type { Report } from '../figure.ts';
import { observed } from './observed.ts';
import { rates } from './rates.ts';
import { replacing } from './replacing.ts';
import { sockets } from './sockets.ts';
import { streaming } from './streaming.ts';
import { tenants } from './tenants.ts';

export async function run(report: Report): Promise<void> {
  await rates(report);
  await observed(report);
  await tenants(report);
  await sockets(report);
  await replacing(report);
  await streaming(report);
}
