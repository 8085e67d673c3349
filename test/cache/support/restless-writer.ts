// Stores components one after another until it is killed from outside. Says so before each.
import { CacheManager, resolveCacheConfig } from '#cache';
import { systemClock, systemRandom } from '../../../src/system/clock.ts';
import { artifactOf, testComponent } from '../../../tools/cache/components.ts';
import { HmacTrust } from '../../../tools/cache/hmac-trust.ts';
import { profilesLike, testProfile } from '../../../tools/cache/profile.ts';

const [root] = process.argv.slice(2);
console.log('ready');
for (;;) {
  const manager = new CacheManager({
    profiles: profilesLike(testProfile),
    trust: new HmacTrust(),
    clock: systemClock,
    random: systemRandom,
    config: resolveCacheConfig({ root }),
  });
  for (let value = 0; value < 4; value += 1) {
    const component = testComponent(value);
    await manager.get(await manager.keyOf(component.digest), async () => artifactOf(component, 200_000));
  }
  await manager.close();
  await manager.pruneDisk({ maxBytes: 0 });
}
