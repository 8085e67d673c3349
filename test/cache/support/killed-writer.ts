// Stores one component and kills its own process at the given step of the file system. Prints how many steps there were
// when it gets to the end.
import { CacheManager, resolveCacheConfig } from '#cache';
import { systemClock, systemRandom } from '../../../src/system/clock.ts';
import { artifactOf, testComponent } from '../../../tools/cache/components.ts';
import { HmacTrust } from '../../../tools/cache/hmac-trust.ts';
import { profilesLike, testProfile } from '../../../tools/cache/profile.ts';
import { filesWith } from './faulty-files.ts';

const [root, value, lastStep] = process.argv.slice(2);
let steps = 0;
const manager = new CacheManager({
  profiles: profilesLike(testProfile),
  trust: new HmacTrust(),
  clock: systemClock,
  random: systemRandom,
  config: resolveCacheConfig({ root }),
  files: filesWith(() => {
    if (steps === Number(lastStep)) process.kill(process.pid, 'SIGKILL');
    steps += 1;
  }),
});
const component = testComponent(Number(value));
await manager.get(await manager.keyOf(component.digest), async () => artifactOf(component));
await manager.close();
console.log(steps);
