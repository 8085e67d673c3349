import { messageOf } from '#core/errors';
import { ProjectError } from './errors.ts';

/** Loads the bundler, which only builds need. @throws {ProjectError} `PROJECT_BUILD_FAILED` if it is not installed */
export function loadEsbuild(): Promise<typeof import('esbuild')> {
  return import('esbuild').catch((cause) => notInstalled('esbuild', cause));
}

/** Loads the componentizer of QuickJS, which only builds need. @throws {ProjectError} `PROJECT_BUILD_FAILED` if it is not installed */
export function loadQuickJs(): Promise<typeof import('componentize-qjs')> {
  return import('componentize-qjs')
    .then(({ default: qjs }) => qjs)
    .catch((cause) => notInstalled('componentize-qjs', cause));
}

function notInstalled(name: string, cause: unknown): never {
  const message = `${name}, which builds actors, cannot be loaded (${messageOf(cause).split('\n', 1)[0]}); install vivarium without --omit=optional`;
  throw new ProjectError('PROJECT_BUILD_FAILED', message, { cause });
}
