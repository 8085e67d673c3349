/** The address of a component: three parts, each matching `[a-z0-9][a-z0-9._-]{0,62}`. */
export interface ComponentId {
  readonly namespace: string;
  readonly name: string;
  readonly instance: string;
}

/** An id, or its text `namespace/name/instance`. */
export type Target = ComponentId | string;

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';

export type HealthStatus = 'healthy' | 'degraded' | 'unhealthy';

/** A value that may be sent or returned as a reply: text is sent as UTF-8, bytes as they are, anything else as JSON. */
export type Value =
  | Uint8Array
  | string
  | number
  | boolean
  | null
  | readonly unknown[]
  | { readonly [key: string]: unknown };

/** The reasons that the host gives for a failed message: the cases of WIT's `messaging-error`. */
export type MessageFailureTag =
  | 'delivery-failed'
  | 'correlation-timeout'
  | 'invalid-message'
  | 'queue-full'
  | 'target-not-found'
  | 'cancelled'
  | 'permission-denied'
  | 'unavailable';

/** The configuration that `initialize` receives. */
export interface ActorConfig {
  readonly env: Readonly<Record<string, string>>;
  /** The bytes of the `config` option of `load`. */
  readonly data: Uint8Array | undefined;
  readonly limits: { readonly maxMemoryBytes: number; readonly maxExecutionTimeMs: number };
}

/** WIT's records as the guest's engine passes them. One engine passes 64-bit numbers as numbers, another as bigints. */
export interface WitMessage {
  readonly sender: ComponentId;
  readonly payload: Uint8Array;
  readonly metadata: {
    readonly messageId: number | bigint;
    readonly correlationId?: string | null;
    readonly replyTo?: ComponentId | null;
    readonly timestamp: { readonly seconds: number | bigint; readonly nanoseconds: number };
    readonly contentType?: string | null;
    readonly topic?: string | null;
    readonly headers: readonly (readonly [string, string])[];
    readonly failure?: { readonly tag: MessageFailureTag; readonly val: string } | null;
  };
}

export interface WitConfig {
  readonly envVars: readonly (readonly [string, string])[];
  readonly configData?: Uint8Array | null;
  readonly resourceLimits: { readonly maxMemoryBytes: number | bigint; readonly maxExecutionTimeMs: number };
}

export interface WitMetadata {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly author: string;
  readonly license: string;
  readonly supportedOperations: readonly string[];
  readonly stateful: boolean;
}
