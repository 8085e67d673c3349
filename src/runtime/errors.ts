import { type ErrorKind, plainValue, VivariumError } from '#core/errors';

const KINDS = {
  RUNTIME_INVALID_COMPONENT: 'refused',
  RUNTIME_MISSING_IMPORT: 'refused',
  RUNTIME_MISSING_EXPORT: 'refused',
  RUNTIME_INSTANTIATION_FAILED: 'failed',
  RUNTIME_TRAP: 'failed',
  RUNTIME_EXITED: 'failed',
  RUNTIME_WOULD_BLOCK: 'failed',
  RUNTIME_TOO_MANY_STACKS: 'failed',
  RUNTIME_INSTANCE_ENDED: 'failed',
  RUNTIME_TURN_TIMEOUT: 'failed',
  RUNTIME_COMPONENT_ERROR: 'orderly',
  RUNTIME_NO_RESPONSE: 'failed',
  RUNTIME_LOOP_DETECTED: 'failed',
  RUNTIME_NO_EXPORT: 'not-found',
  RUNTIME_NOT_FOUND: 'not-found',
  RUNTIME_WRONG_STATE: 'failed',
  RUNTIME_CLOSED: 'failed',
  RUNTIME_ABORTED: 'failed',
  RUNTIME_FETCH_FAILED: 'unreachable',
  RUNTIME_INVALID_ARGUMENT: 'usage',
} as const satisfies Record<string, ErrorKind>;

export type RuntimeErrorCode = keyof typeof KINDS;

/** An error of loading, running or ending a component. */
export class RuntimeError extends VivariumError<RuntimeErrorCode> {
  static override readonly kinds: Readonly<Record<string, ErrorKind>> = KINDS;
}

/** The host refused a call because of one of its arguments, before any code of the component ran. The instance lives on. */
export class ArgumentRefused extends RuntimeError {}

/** An orderly failure: the guest returned the error case of its `result`. The instance lives on. */
export class ComponentError extends RuntimeError {
  /** The payload of the guest's error case, as a JavaScript value. */
  readonly payload: unknown;

  /** @param guestStack the stack at which the guest made its error; its frames name the author's files if a source map is known */
  constructor(message: string, payload: unknown, guestStack?: string) {
    super('RUNTIME_COMPONENT_ERROR', message, guestStack === undefined ? {} : { details: { guestStack } });
    this.payload = payload;
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), payload: plainValue(this.payload) };
  }
}
