// Runs one push or pull in a process of its own, for tests that kill it: bundle-child.ts push|pull <url> <database> [folder]
import { declaredShape, pull, push, SqliteSource, SqliteTarget } from '../../src/bundle/index.ts';
import { systemClock } from '../../src/system/clock.ts';
import { TestClock } from '../../src/testing/clock.ts';
import { SCOPE } from './bundle-fixture.ts';

const [command, url = '', database = '', folder] = process.argv.slice(2);
const clock = TestClock.atOnce(30_000);
const random = { bytes: (length: number) => new Uint8Array(length), fraction: () => 0.5 };
const remote = { url, scope: SCOPE, tag: 'latest', reference: 'latest' };
if (command === 'push') {
  const source = await SqliteSource.open({ clock: systemClock, path: database, producerVersion: '1' });
  await push({ source, ...(folder && { folder }), remote, clock, random });
  await source.close();
} else {
  await pull({
    producer: 'mache',
    ...(folder && { folder }),
    remote,
    clock,
    random,
    target: ({ meta }) => new SqliteTarget({ path: database, shape: declaredShape(meta), clock, force: true }),
  });
}
