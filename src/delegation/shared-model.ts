import type { ModelProvider, ModelReply } from '#core/ports/registry';
import type { SharedCalls } from './shared-calls.ts';

/**
 * The provider as one delegated call sees it: what an equal call asks in the same words at the same time is asked once. A
 * call that asks the same several times, for several answers, gets as many, so its n-th question joins n-th ones only.
 * @param scope says which calls are equal
 */
export function sharedModel(provider: ModelProvider, scope: string, asked: SharedCalls<ModelReply>): ModelProvider {
  const times = new Map<string, number>();
  return {
    complete: (request, signal) => {
      const question = JSON.stringify(request);
      const time = (times.get(question) ?? 0) + 1;
      times.set(question, time);
      return asked.run(`${scope} ${time} ${question}`, (stop) => provider.complete(request, stop), signal);
    },
  };
}
