// Packs and restores a database in a process of its own, and prints how many bytes of memory it took at most:
// bundle-memory.ts <database> <folder> <restored>
import { declaredShape, pull, push, SqliteSource, SqliteTarget } from '../../src/bundle/index.ts';
import { systemClock } from '../../src/system/clock.ts';
import { TestClock } from '../../src/testing/clock.ts';

const [database = '', folder = '', restored = ''] = process.argv.slice(2);
const clock = TestClock.atOnce(30_000);
const random = { bytes: (length: number) => new Uint8Array(length), fraction: () => 0.5 };
const source = await SqliteSource.open({ clock: systemClock, path: database, producerVersion: '1' });
await push({ source, folder, clock, random });
await source.close();
await pull({
  producer: 'mache',
  folder,
  clock,
  random,
  target: ({ meta }) => new SqliteTarget({ path: restored, shape: declaredShape(meta), clock }),
});
console.log(process.resourceUsage().maxRSS * 1024);
