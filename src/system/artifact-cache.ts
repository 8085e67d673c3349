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
  /** Where the machine's secret and the trusted keys are; `VIVARIUM_HOME` by default. */
  readonly home?: string | undefined;
  /** Told when the disk tier stops working; the cache goes on without it. */
  readonly onTrouble: (error: CacheError) => void;
}

/** Joins the artifact cache with this machine's seal and the keys that its user trusts. */
export function createArtifactCache(options: CacheOptions | false, parts: ArtifactCacheParts): CacheManager {
  return new CacheManager({
    ...parts,
    config: resolveCacheConfig(options === false ? { root: false } : options),
    trust: artifactTrust(parts.clock, parts.random, parts.home),
  });
}

/** The artifact cache by itself, as `viv cache` uses it: components are made ready, none is run. */
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

/** This machine's seal and the keys that its user trusts. */
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
  // A user without a home folder has no seal, and with it no disk tier: that is told when one is wanted.
  return {
    seal: async (content) => trust().seal(content),
    check: async (content, seal) => trust().check(content, seal),
  };
}
