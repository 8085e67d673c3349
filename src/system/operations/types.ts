import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { isVivariumError } from '#core/errors';
import { ProjectError, readWitText } from '#project';
import { guestDeclarations, hostDeclarations } from '#runtime/declarations';
import { DocComments, readComponent, type World, worldOf, worldOfEmbedded } from '#wasm';
import { readSource } from '../component-source.ts';
import { checked, described } from './exported-world.ts';
import { embedWit } from './wit.ts';

export interface TypesOptions {
  /** The world of the WIT; may be left out if there is only one. */
  readonly world?: string | undefined;
  /** Whose declarations: of the program that loads the component (the default), or of the component's own source. */
  readonly side?: 'host' | 'guest' | undefined;
}

/**
 * Writes TypeScript declarations for a component, a WIT file, or a folder that holds WIT. They have the doc
 * comments of the WIT, and of a component those that its build kept.
 * @throws {ProjectError} `PROJECT_NOT_FOUND`, `PROJECT_BAD_WIT`; `RUNTIME_INVALID_COMPONENT`, `RUNTIME_NOT_FOUND`
 */
export async function declareTypes(source: string, { world, side = 'host' }: TypesOptions = {}): Promise<string> {
  const declarations = side === 'host' ? hostDeclarations : guestDeclarations;
  const isFolder = (await stat(source).catch(() => undefined))?.isDirectory() === true;
  if (!isFolder && !source.endsWith('.wit')) {
    const bytes = await readSource(source, { loadBytes: async () => undefined });
    described(bytes);
    return declarations(
      checked(() => worldOf(bytes)),
      DocComments.of(readComponent(bytes)),
    );
  }
  const text = await readWitText(source);
  // A project's world is the one that `viv build` takes.
  const own = world ?? (isFolder && /^[ \t]{0,80}world[ \t]{1,80}guest\b/m.test(text) ? 'guest' : undefined);
  return declarations(await worldIn(source, text, own), DocComments.ofWit([text]));
}

async function worldIn(source: string, text: string, world: string | undefined): Promise<World> {
  try {
    const core = await embedWit(basename(source), Buffer.from(text), world);
    return worldOfEmbedded(core);
  } catch (cause) {
    if (!isVivariumError(cause)) throw cause;
    const hint = world === undefined ? '; if it has several, name one with --world' : '';
    throw new ProjectError('PROJECT_BAD_WIT', `${cause.message}${hint}`, { cause });
  }
}
