import { plainValue, VivariumError } from '#core/errors';

export type RuntimeErrorCode =
  | 'RUNTIME_INVALID_COMPONENT'
  | 'RUNTIME_MISSING_IMPORT'
  | 'RUNTIME_INSTANTIATION_FAILED'
  | 'RUNTIME_TRAP'
  | 'RUNTIME_EXITED'
  | 'RUNTIME_WOULD_BLOCK'
  | 'RUNTIME_TURN_TIMEOUT'
  | 'RUNTIME_COMPONENT_ERROR'
  | 'RUNTIME_NO_RESPONSE'
  | 'RUNTIME_NO_EXPORT'
  | 'RUNTIME_NOT_FOUND'
  | 'RUNTIME_WRONG_STATE'
  | 'RUNTIME_CLOSED'
  | 'RUNTIME_ABORTED'
  | 'RUNTIME_FETCH_FAILED'
  | 'RUNTIME_INVALID_ARGUMENT';

/** An error of loading, running or ending a component. */
export class RuntimeError extends VivariumError<RuntimeErrorCode> {}

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
