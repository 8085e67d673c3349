import { type ErrorKind, VivariumError } from '#core/errors';

const KINDS = {
  PROJECT_EXISTS: 'usage',
  PROJECT_NOT_FOUND: 'not-found',
  PROJECT_BUILD_FAILED: 'failed',
  PROJECT_BAD_MANIFEST: 'usage',
  PROJECT_BAD_WIT: 'usage',
} as const satisfies Record<string, ErrorKind>;

export type ProjectErrorCode = keyof typeof KINDS;

/** The errors of creating, building or describing an actor's project. */
export class ProjectError extends VivariumError<ProjectErrorCode> {
  static override readonly kinds: Readonly<Record<string, ErrorKind>> = KINDS;
}
