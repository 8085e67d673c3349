import { VivariumError } from '#core/errors';

export type ProjectErrorCode = 'PROJECT_EXISTS' | 'PROJECT_NOT_FOUND' | 'PROJECT_BUILD_FAILED' | 'PROJECT_BAD_MANIFEST';

/** What making, building or describing an actor's project can go wrong with. */
export class ProjectError extends VivariumError<ProjectErrorCode> {}
