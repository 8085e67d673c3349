import type { ModelProvider, ModelReply } from '#core/ports/registry';
import type { SharedCalls } from './shared-calls.ts';

/**
 * Wraps the provider for one delegated call, so that simultaneous equal calls share equal questions. A call that asks
 * the same question several times, to get several answers, gets as many: its n-th question joins only n-th questions.
 * @param scope identifies equal calls
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
