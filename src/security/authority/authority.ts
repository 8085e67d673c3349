import type { AuditLog } from '#core/ports/audit';
import type { Action, Area, ComponentAuthority } from '#core/ports/authority';
import { shownText } from '#core/text';
import { Wakers } from '#core/waiting';
import { SecurityError } from '../errors.ts';
import type { CapabilitySet } from './capability-set.ts';
import { type GrantInput, parseGrant } from './grant.ts';

/** An attempt of a component that was not granted. */
export interface Denial {
  readonly component: string;
  readonly area: Area;
  readonly action: Action;
  readonly target: string;
  /** The grant that would have allowed it. */
  readonly grant: string;
  /** How often it came again in the ten seconds since it was first reported. */
  readonly count?: number | undefined;
  /** There were too many kinds to report one by one: `count` further ones came, and this was the last. */
  readonly further?: true | undefined;
}

export interface AuthorityOptions {
  /** The component's id as text. */
  readonly component: string;
  readonly capabilities: CapabilitySet;
  readonly audit?: AuditLog | undefined;
  readonly onDenied?: ((denial: Denial) => void) | undefined;
}

/** What one component may do. Every host function and the router ask it before they act on the component's behalf. */
export class Authority implements ComponentAuthority {
  readonly component: string;
  /** Wakes when a grant was revoked. */
  readonly revoked: Wakers = new Wakers();
  readonly #audit: AuditLog | undefined;
  readonly #onDenied: ((denial: Denial) => void) | undefined;
  #capabilities: CapabilitySet;

  constructor(options: AuthorityOptions) {
    this.component = options.component;
    this.#capabilities = options.capabilities;
    this.#audit = options.audit;
    this.#onDenied = options.onDenied;
  }

  get capabilities(): CapabilitySet {
    return this.#capabilities;
  }

  /** Adds grants and records this. @throws {SecurityError} `SECURITY_INVALID_GRANT`, and then nothing was granted */
  grant(grants: readonly GrantInput[]): void {
    this.#capabilities = this.#capabilities.with(grants);
    for (const { text, expiresAt } of grants.flatMap(parseGrant)) {
      const detail = expiresAt === undefined ? undefined : `until ${new Date(expiresAt).toISOString()}`;
      this.#audit?.append({ action: 'grant', component: this.component, target: text, outcome: 'granted', detail });
    }
  }

  /** Revokes a grant from the next use on, and records this. Returns how many grants were written like this. */
  revoke(grant: GrantInput): number {
    const ended = this.#capabilities.revoke(grant);
    for (const { text } of ended === 0 ? [] : parseGrant(grant)) {
      this.#audit?.append({ action: 'revoke', component: this.component, target: text, outcome: 'done' });
    }
    if (ended > 0) this.revoked.wake();
    return ended;
  }

  /** Whether an action is allowed. Nothing is recorded: lists use this to show a component only what it may read. */
  allows<A extends Area>(area: A, action: Action<A>, target: string): boolean {
    return this.#capabilities.allows(area, action, target);
  }

  /**
   * Throws unless an action is allowed. A refusal is recorded and reported. @throws {SecurityError}
   * `SECURITY_PERMISSION_DENIED`
   */
  check<A extends Area>(area: A, action: Action<A>, target: string): void {
    if (!this.#capabilities.allows(area, action, target)) throw this.deny(area, action, target);
  }

  clockResolutionNs(): number {
    return this.#capabilities.clockResolutionNs();
  }

  /** Records a refusal and returns the error to throw, for guards with checks beyond the pattern. */
  deny<A extends Area>(area: A, action: Action<A>, target: string, why = ''): SecurityError {
    const grant = grantFor(area, action, target);
    const denial: Denial = { component: this.component, area, action, target: target.slice(0, MAX_SHOWN), grant };
    this.#audit?.append({
      action: `${area}:${action}`,
      component: this.component,
      target: denial.target,
      outcome: 'denied',
      detail: why || undefined,
    });
    this.#onDenied?.(denial);
    return new SecurityError(
      'SECURITY_PERMISSION_DENIED',
      `${this.component} may not ${VERBS[`${area}:${action}`] ?? action} ${shownText(target)}${why && `: ${why}`}; grant ${grant} to allow it`,
      { details: { component: this.component, area, action, target: denial.target, grant } },
    );
  }
}

const MAX_SHOWN = 256;

const VERBS: Readonly<Record<string, string>> = {
  'messaging:send': 'send to',
  'messaging:request': 'make a request to',
  'messaging:broadcast': 'broadcast to',
  'messaging:publish': 'publish to',
  'messaging:subscribe': 'subscribe to',
  'network:connect': 'connect to',
  'network:listen': 'listen on',
  'network:send': 'send to',
  'environment:read': 'read the variable',
  'clock:resolution': 'read clocks to',
};

/** The narrowest grant that allows this. A target that no pattern can name is covered by `**`. */
function grantFor(area: Area, action: Action, target: string): string {
  const text = `${area}:${action}:${target}`;
  try {
    if (!target.includes('*') && target.length <= MAX_SHOWN) return parseGrant(text)[0]?.text ?? text;
  } catch {
    // A guest may use a target that no grant can spell.
  }
  return `${area}:${action}:**`;
}
