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

/** What loading, running and ending a component can go wrong with. */
export class RuntimeError extends VivariumError<RuntimeErrorCode> {}

/** A call was refused for one of its arguments before anything of the component ran. The instance lives on. */
export class ArgumentRefused extends RuntimeError {}

/** An orderly failure: the guest answered the error case of its `result`. The instance lives on. */
export class ComponentError extends RuntimeError {
  /** The payload of the guest's error case, as a JavaScript value. */
  readonly payload: unknown;

  /** @param guestStack where the guest made its error, in its own files where they are known */
  constructor(message: string, payload: unknown, guestStack?: string) {
    super('RUNTIME_COMPONENT_ERROR', message, guestStack === undefined ? {} : { details: { guestStack } });
    this.payload = payload;
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), payload: plainValue(this.payload) };
  }
}
