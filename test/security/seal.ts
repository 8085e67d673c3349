// Prints the seal of a content: node seal.ts <home> <content>.
import { randomBytes } from 'node:crypto';
import { createArtifactTrust, MachineSecret } from '#security/keys';
import { trustedKeysOf } from '#security/signers';
import { TestClock } from '../../src/testing/clock.ts';

const [home = '', content = ''] = process.argv.slice(2);
const random = { bytes: (length: number) => randomBytes(length), fraction: () => 0 };
const secret = new MachineSecret(home, random);
const trust = createArtifactTrust({ secret, keys: trustedKeysOf([]), clock: new TestClock() });
process.stdout.write(Buffer.from(await trust.seal(Buffer.from(content))).toString('hex'));
