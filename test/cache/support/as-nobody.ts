// Uses a cache folder with dropped privileges. The modules are loaded first: the other user may not be able to read them.

import type { CacheError } from '#cache';
import { CacheManager, resolveCacheConfig } from '#cache';
import { systemClock, systemRandom } from '../../../src/system/clock.ts';
import { answersOf, artifactOf, testComponent } from '../../../tools/cache/components.ts';
import { HmacTrust } from '../../../tools/cache/hmac-trust.ts';
import { profilesLike, testProfile } from '../../../tools/cache/profile.ts';
import 'hash-wasm';

const [root, user] = process.argv.slice(2);
process.setgroups?.([]);
process.setgid?.(Number(user));
process.setuid?.(Number(user));

const troubles: CacheError[] = [];
let builds = 0;
const manager = new CacheManager({
  profiles: profilesLike(testProfile),
  trust: new HmacTrust(),
  clock: systemClock,
  random: systemRandom,
  onTrouble: (error) => troubles.push(error),
  config: resolveCacheConfig({ root }),
});
const answers: number[][] = [];
for (const component of [testComponent(7), testComponent(8)]) {
  const compiled = await manager.get(await manager.keyOf(component.digest), async () => {
    builds += 1;
    return artifactOf(component);
  });
  answers.push(answersOf(compiled));
}
await manager.close();
const writable = manager.metrics().disk === 'ready';
console.log(JSON.stringify({ answers, builds, writable, troubles: troubles.map(({ code }) => code) }));
