// A chat room: two guests and the host listen to one topic.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildActor, createRuntime } from 'vivarium';

/** What `member.ts` understands. */
interface Member {
  say(text: string): number;
}

const folder = await mkdtemp(join(tmpdir(), 'vivarium-chat-'));
try {
  const source = fileURLToPath(new URL('member.ts', import.meta.url));
  const { file } = await buildActor(source, { output: join(folder, 'member.wasm') });

  await using runtime = await createRuntime();
  runtime.on('log', ({ message }) => console.log(message));
  await runtime.topic('chat/lobby').subscribe((message) => {
    console.log(`[lobby] ${Buffer.from(message.payload)}`);
  });
  const enter = async (name: string) =>
    runtime.actor<Member>(
      await runtime.load(file, {
        id: `chat/member/${name.toLowerCase()}`,
        env: { NAME: name },
        grants: ['messaging:publish:chat/*', 'messaging:subscribe:chat/*'],
      }),
    );
  const [ada, grace] = [await enter('Ada'), await enter('Grace')];

  console.log(`heard by ${await runtime.request(ada, { say: 'Is anybody here?' })}`);
  console.log(`heard by ${await runtime.request(grace, { say: 'I am.' })}`);
  await runtime.unload(ada.handle, { drain: true });
  console.log(`heard by ${await runtime.request(grace, { say: 'Ada has left.' })}`);
  await runtime.unload(grace.handle, { drain: true });
  // What the host listens to is a mailbox too: let it run dry.
  await runtime.close({ drain: true });
} finally {
  await rm(folder, { recursive: true });
}
