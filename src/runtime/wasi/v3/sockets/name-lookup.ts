import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import type { HostState } from '#runtime/host';
import { HostCharge } from '../../host-charge.ts';
import { type IpAddress, ipAddressOf } from '../../sockets/addresses.ts';
import { socketErrorOf } from '../../sockets/error-code.ts';
import { ANSWER_BYTES, lookUp } from '../../sockets/name-lookup.ts';

/** Cases of `ip-name-lookup.error-code`, which is another one than that of sockets. */
const CASES: ReadonlySet<string> = new Set([
  'access-denied',
  'invalid-argument',
  'name-unresolvable',
  'temporary-resolver-failure',
]);

/** `resolve-addresses` of version 0.3. An address, an IPv6 one also in brackets, is answered as it is. */
export function resolveAddresses(
  caller: HostState,
  name: string,
): readonly IpAddress[] | Promise<readonly IpAddress[]> {
  const address = name.startsWith('[') && name.endsWith(']') ? name.slice(1, -1) : name;
  // Only an IPv6 address may stand in brackets.
  if (isIP(address) === 6 || isIP(name) !== 0) return [ipAddressOf(address)];
  if (domainToASCII(name) === '') throw { tag: 'invalid-argument' };
  let asked: Promise<readonly string[]>;
  try {
    asked = lookUp(caller, name);
  } catch (thrown) {
    throw typeof thrown === 'string' ? caseOf(thrown) : thrown;
  }
  return answered(caller, asked);
}

async function answered(caller: HostState, asked: Promise<readonly string[]>): Promise<readonly IpAddress[]> {
  // The charge may end the store, after which nobody handles a rejection.
  asked.catch(() => {});
  const charge = new HostCharge(caller, ANSWER_BYTES);
  try {
    return (await asked).map(ipAddressOf);
  } catch (thrown) {
    throw caseOf(socketErrorOf(thrown));
  } finally {
    charge.end();
  }
}

function caseOf(code: string): { readonly tag: string } {
  return { tag: CASES.has(code) ? code : 'other' };
}
