// The program of the child process that compiles WIT text; see embedWit.

import { messageOf } from '#core/errors';
import { endWithParent } from '#processes';
import { componentEmbed } from '#transpiler/wasm-tools';
import type { WitAnswer, WitRequest } from './wit.ts';

endWithParent();
process.once('message', (request: WitRequest) => {
  void embed(request).then((answer) => process.send?.(answer));
});

async function embed({ witSource, world }: WitRequest): Promise<WitAnswer> {
  try {
    return { coreModule: await componentEmbed({ witSource, dummy: true, ...(world === undefined ? {} : { world }) }) };
  } catch (error) {
    return { refusal: messageOf(error) };
  }
}
