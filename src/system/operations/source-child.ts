// The program of the child process that builds components from source; see componentizeApart.
import { messageOf } from '#core/errors';
import { endWithParent } from '#processes';
import { componentizeBundle } from '#project';
import { streamPlaces, worldOf } from '#wasm';
import type { SourceAnswer, SourceRequest } from './component-process.ts';

endWithParent();

process.once('message', (request: SourceRequest) => {
  void make(request).then((answer) => process.send?.(answer));
});

async function make({ bundle, witPath, world }: SourceRequest): Promise<SourceAnswer> {
  try {
    const streamsOf = (component: Uint8Array): readonly string[] => streamPlaces(worldOf(component));
    return { component: await componentizeBundle(bundle, { witPath, world }, streamsOf) };
  } catch (error) {
    return { refusal: messageOf(error) };
  }
}
