import type { AuditLog } from '#core/ports/audit';
import type { Action, Area, ComponentAuthority } from '#core/ports/authority';
import { shownText } from '#core/text';
import { SecurityError } from '../errors.ts';
import type { CapabilitySet } from './capability-set.ts';
import { type GrantInput, parseGrant } from './grant.ts';

/** What a component tried and was not granted. */
export interface Denial {
  readonly component: string;
  readonly area: Area;
  readonly action: Action;
  readonly target: string;
  /** The grant that would have allowed it. */
  readonly grant: string;
  /** Where it was told before: how often it came again in the ten seconds since. */
  readonly count?: number | undefined;
  /** There were too many kinds to be told one by one: `count` of further ones came, and this was the last. */
  readonly further?: true | undefined;
}

export interface AuthorityOptions {
  /** The component's id as text. */
  readonly component: string;
  readonly capabilities: CapabilitySet;
  readonly audit?: AuditLog | undefined;
  readonly onDenied?: ((denial: Denial) => void) | undefined;
}

/** What one component may do: asked by every host function and the router before they act on its behalf. */
export class Authority implements ComponentAuthority {
  readonly component: string;
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

  /** Grants more, on record. @throws {SecurityError} `SECURITY_INVALID_GRANT`, and then nothing was granted */
  grant(grants: readonly GrantInput[]): void {
    this.#capabilities = this.#capabilities.with(grants);
    for (const { text, expiresAt } of grants.flatMap(parseGrant)) {
      const detail = expiresAt === undefined ? undefined : `until ${new Date(expiresAt).toISOString()}`;
      this.#audit?.append({ action: 'grant', component: this.component, target: text, outcome: 'granted', detail });
    }
  }

  /** Takes a grant away from the next use on, on record; answers how many were written like this. */
  revoke(grant: GrantInput): number {
    const ended = this.#capabilities.revoke(grant);
    for (const { text } of ended === 0 ? [] : parseGrant(grant)) {
      this.#audit?.append({ action: 'revoke', component: this.component, target: text, outcome: 'done' });
    }
    return ended;
  }

  /** Whether it may; nothing is recorded. For lists, of which a component sees the part that it may read. */
  allows<A extends Area>(area: A, action: Action<A>, target: string): boolean {
    return this.#capabilities.allows(area, action, target);
  }

  /** Ends here unless it may; a refusal is recorded and told. @throws {SecurityError} `SECURITY_PERMISSION_DENIED` */
  check<A extends Area>(area: A, action: Action<A>, target: string): void {
    if (!this.#capabilities.allows(area, action, target)) throw this.deny(area, action, target);
  }

  clockResolutionNs(): number {
    return this.#capabilities.clockResolutionNs();
  }

  /** Records a refusal and gives the error to throw: for guards that know more than the pattern says. */
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
  'environment:read': 'read the variable',
  'clock:resolution': 'read clocks to',
};

/** The narrowest grant that allows this; a target that no pattern can name is met by `**`. */
function grantFor(area: Area, action: Action, target: string): string {
  const text = `${area}:${action}:${target}`;
  try {
    if (!target.includes('*') && target.length <= MAX_SHOWN) return parseGrant(text)[0]?.text ?? text;
  } catch {
    // A guest's target need not be one that a grant can spell.
  }
  return `${area}:${action}:**`;
}
