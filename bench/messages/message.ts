import type { ComponentMessage } from '#core/messages';

/** A message without options, as raw jco and hand-written code are given it. */
export function message(payload: Uint8Array): ComponentMessage {
  return {
    sender: { namespace: 'demo', name: 'sender', instance: '1' },
    payload,
    metadata: {
      messageId: 1n,
      correlationId: undefined,
      replyTo: undefined,
      timestamp: { seconds: 1n, nanoseconds: 2 },
      contentType: undefined,
      topic: undefined,
      headers: [],
      failure: undefined,
    },
  };
}
