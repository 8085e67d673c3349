// A pipeline of three actors with back-pressure: mailboxes of a few messages, and none of them ever overflows.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildActor, createRuntime } from 'vivarium';

const NUMBERS = 500;

const folder = await mkdtemp(join(tmpdir(), 'vivarium-pipeline-'));
try {
  // A long pipeline is one long chain of messages: the hop limit would take it for two actors that never stop.
  await using runtime = await createRuntime({ messaging: { maxHops: Number.POSITIVE_INFINITY } });
  runtime.on('dead-letter', ({ reason, target }) => console.log(`dead letter for ${target.name}: ${reason}`));
  const load = async (name: string) => {
    const source = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
    const { file } = await buildActor(source, { output: join(folder, `${name}.wasm`) });
    return runtime.load(file, {
      id: `pipeline/${name}/1`,
      mailbox: { maxMessages: 32 },
      grants: ['messaging:send:pipeline/*/*', 'messaging:publish:pipeline/done'],
    });
  };
  const done = Promise.withResolvers<string>();
  await runtime.topic('pipeline/done').subscribe((message) => done.resolve(Buffer.from(message.payload).toString()));

  // Each stage asks the one before it for items as soon as it starts.
  const source = await load('source');
  await load('square');
  await load('sum');
  await runtime.send(source, Buffer.from(JSON.stringify({ start: NUMBERS })));

  console.log(`sum of the squares up to ${NUMBERS}: ${await done.promise}`);
  // The last grants of credit are still on their way: let everything run dry.
  await runtime.close({ drain: true });
  console.log(`refused ${runtime.messages.refused}, dead letters ${runtime.messages.deadLettered}`);
} finally {
  await rm(folder, { recursive: true });
}
