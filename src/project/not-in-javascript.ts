import { ProjectError } from './errors.ts';

const INSTEAD =
  'use lists and plain functions, which may take their time, or write the component in Rust, Python or C (viv new --language)';

/**
 * Refuses a component whose world has streams or futures. The engine that is built in takes its part of them for something else, and
 * traps at the first one.
 * @param places where the world has them
 * @throws {ProjectError} `PROJECT_BUILD_FAILED`
 */
export function refuseStreams(world: string, places: readonly string[]): void {
  if (places.length === 0) return;
  const message = `${world} has streams or futures, which components made of JavaScript have not (${places.join('; ')}); ${INSTEAD}`;
  throw new ProjectError('PROJECT_BUILD_FAILED', message);
}

/** What the componentizer says of an import that is an asynchronous function, in words of ours; undefined if it says something else. */
export function asynchronousImport(message: string): string | undefined {
  if (!message.includes('type mismatch with async')) return undefined;
  const [, from] = /imports (?:instance|function) `([^`]{1,500})`/.exec(message) ?? [];
  const [, name] = /instance export `([^`]{1,500})`/.exec(message) ?? [];
  const called = [from, name].filter((part) => part !== undefined).join('#');
  return `it imports ${called}, an asynchronous function, which a component made of JavaScript cannot call; ${INSTEAD}`;
}
