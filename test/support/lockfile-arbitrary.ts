import fc from 'fast-check';
import { type Lockfile, pathProblem, rootOf } from '../../src/bundle/lockfile/model.ts';

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'));
/** Empty as often as not: lists of structs whose texts are partly empty are what codecs stumble over. */
const name = fc.oneof(
  fc.constant(''),
  fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => text.isWellFormed() && !text.includes('\0')),
);
const path = fc
  .oneof(
    fc.array(fc.stringMatching(/^[a-z0-9._-]{1,12}$/), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')),
    name,
  )
  .filter((text) => pathProblem(text) === undefined);

/** Any lockfile that `checkLockfile` accepts, empty names, lists and times included. */
export const lockfiles: fc.Arbitrary<Lockfile> = fc
  .record({
    meta: fc.record({
      producer: fc.stringMatching(/^[a-z0-9]{1,8}(-[a-z0-9]{1,3})?$/),
      producerVersion: name,
      schemaVersion: fc.constant('0.1.0'),
      inputProcessors: fc.array(fc.record({ kind: name, version: name }, { noNullPrototype: true }), { maxLength: 4 }),
      generatedAtMs: fc.oneof(fc.constant(0), fc.maxSafeNat()),
    }),
    sources: fc.uniqueArray(
      fc.record({ path, inputHash: hash, chunkHash: hash, kind: name }, { noNullPrototype: true }),
      {
        selector: (source) => source.path,
        maxLength: 8,
      },
    ),
    topology: fc.array(fc.record({ from: name, toSource: name }, { noNullPrototype: true }), { maxLength: 5 }),
  })
  .map((lockfile) => ({ ...lockfile, root: '' }));

/** A lockfile whose root is right, which no generator can know without hashing. */
export async function rooted(lockfile: Lockfile): Promise<Lockfile> {
  return { ...lockfile, root: await rootOf(lockfile.sources) };
}
