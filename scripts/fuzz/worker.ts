// Judges candidates by seed as the parent asks; `node scripts/fuzz/worker.ts SEED [FILE]` judges one and saves its bytes.
import { writeFileSync } from 'node:fs';
import { candidateOf } from './candidates.ts';
import { judge } from './judge.ts';

const [seed, file] = process.argv.slice(2);
if (process.send !== undefined) {
  process.on('message', (number: number) => {
    const candidate = candidateOf(number);
    process.send!({ kind: candidate.kind, ...judge(candidate) });
  });
  process.send('ready');
} else if (seed !== undefined) {
  const candidate = candidateOf(Number(seed));
  if (file !== undefined) writeFileSync(file, candidate.generated.bytes);
  console.log(candidate.kind, candidate.generated.calls);
  console.log(judge(candidate));
} else {
  throw new Error('give a seed');
}
