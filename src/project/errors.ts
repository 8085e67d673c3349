import { VivariumError } from '#core/errors';

export type ProjectErrorCode = 'PROJECT_EXISTS' | 'PROJECT_NOT_FOUND' | 'PROJECT_BUILD_FAILED' | 'PROJECT_BAD_MANIFEST';

/** The errors of creating, building or describing an actor's project. */
export class ProjectError extends VivariumError<ProjectErrorCode> {}
