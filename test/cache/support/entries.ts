import { join } from 'node:path';
import { engineProfileId } from '#cache';
import type { ArtifactKey } from '#core/ports/artifact';
import type { TestComponent } from '../../../tools/cache/components.ts';
import { testProfile } from '../../../tools/cache/profile.ts';

/** Written out here and not taken from the code under test: where the documentation says that files lie. */
export function entryFiles(root: string, component: TestComponent, profileId = engineProfileId(testProfile)) {
  const folder = join(root, 'v1', profileId);
  const hex = component.digest.slice('sha256:'.length);
  return {
    profile: folder,
    description: join(folder, 'profile.json'),
    artifact: join(folder, 'artifacts', `${hex}.viva`),
    metadata: join(folder, 'artifacts', `${hex}.json`),
    artifacts: join(folder, 'artifacts'),
    locks: join(folder, 'locks'),
    tmp: join(folder, 'tmp'),
    lock: join(folder, 'locks', hex),
  };
}

export function keyOf(component: TestComponent, profileId: string = engineProfileId(testProfile)): ArtifactKey {
  return { engineProfileId: profileId, wasmDigest: component.digest };
}
