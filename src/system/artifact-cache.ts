import { type CacheError, CacheManager, type CacheOptions, type EngineProfiles, resolveCacheConfig } from '#cache';
import type { ArtifactBuilder, ArtifactTrust } from '#core/ports/artifact';
import type { Clock } from '#core/ports/clock';
import type { Random } from '#core/ports/random';
import { tanks } from '#metering/tank';
import { ChildBuilder } from '#runtime';
import { createArtifactTrust, MachineSecret, TrustStore, vivariumHome } from '#security/keys';
import { buildProgram } from './build-program.ts';
import { systemClock, systemRandom } from './clock.ts';
import { engineProfiles } from './engine-profile.ts';

export interface ArtifactCacheParts {
  readonly builder: ArtifactBuilder;
  readonly profiles: EngineProfiles;
  readonly clock: Clock;
  readonly random: Random;
  /** The folder of the machine's secret and the trusted keys; `VIVARIUM_HOME` by default. */
  readonly home?: string | undefined;
  /** Called when the disk tier stops working; the cache continues without it. */
  readonly onTrouble: (error: CacheError) => void;
}

/** Makes an artifact cache that trusts this machine's seal and the keys that its user trusts. */
export function createArtifactCache(options: CacheOptions | false, parts: ArtifactCacheParts): CacheManager {
  return new CacheManager({
    ...parts,
    config: resolveCacheConfig(options === false ? { root: false } : options),
    trust: artifactTrust(parts.clock, parts.random, parts.home),
  });
}

/** The artifact cache without a runtime, as `viv cache` uses it: it builds components and runs none. */
export interface OpenArtifactCache extends AsyncDisposable {
  readonly manager: CacheManager;
}

/** @throws `CACHE_INVALID_CONFIG` */
export function openArtifactCache(
  options: CacheOptions = {},
  onTrouble: (error: CacheError) => void = () => {},
): OpenArtifactCache {
  const builder = new ChildBuilder({ program: buildProgram(), clock: systemClock });
  const parts = { builder, clock: systemClock, random: systemRandom, onTrouble };
  const manager = createArtifactCache(options, { ...parts, profiles: engineProfiles(tanks, builder) });
  return {
    manager,
    [Symbol.asyncDispose]: async () => {
      await manager.close();
      await builder.close();
    },
  };
}

/** Makes the trust of an artifact cache from this machine's seal and the keys that its user trusts. */
export function artifactTrust(clock: Clock, random: Random, home?: string): ArtifactTrust {
  let made: ArtifactTrust | undefined;
  const trust = (): ArtifactTrust => {
    if (made !== undefined) return made;
    const folder = home ?? vivariumHome();
    made = createArtifactTrust({
      secret: new MachineSecret(folder, random),
      keys: new TrustStore(folder, clock),
      clock,
    });
    return made;
  };
  // A user without a home folder has no seal and therefore no disk tier. Making the seal on first use reports this only when needed.
  return {
    seal: async (content) => trust().seal(content),
    check: async (content, seal) => trust().check(content, seal),
  };
}
