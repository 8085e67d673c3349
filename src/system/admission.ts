import { type ComponentHandle, formatComponentId, shownHandle } from '#core';
import { isVivariumError, messageOf } from '#core/errors';
import { allow, checkOptions } from '#core/options';
import type { AuditLog } from '#core/ports/audit';
import type { Clock } from '#core/ports/clock';
import type { GivenComponent } from '#core/ports/engine';
import type { MessagingAction, MessagingAuthority } from '#core/ports/messaging';
import type { ComponentNetwork, NameService } from '#core/ports/network';
import { SecurityError } from '#security';
import { GuardedNetwork, UnusedConnections } from '#security/access';
import {
  Authority,
  CapabilitySet,
  type Denial,
  type FoldedDenials,
  foldDenials,
  type GrantInput,
  type GrantPolicy,
  type LoadFacts,
  type TrustPolicy,
} from '#security/authority';
import {
  COMPONENT_MEDIA_TYPE,
  digestOf,
  parseEnvelope,
  readSignatureFile,
  verifyStatement,
} from '#security/signatures';
import type { TrustedKeys } from '#security/signers';

export interface AdmissionPorts {
  readonly clock: Clock;
  readonly audit: AuditLog;
  readonly keys: TrustedKeys;
  readonly trust: TrustPolicy;
  readonly policy: GrantPolicy | undefined;
  /** Called for the first denial of a kind, and later with the number of equal denials that followed. */
  readonly onDenied: (denial: Denial) => void;
  /** Resolves host names; by default, the system's resolver does. */
  readonly names?: NameService | undefined;
}

export interface AdmissionRequest {
  readonly handle: ComponentHandle;
  readonly component: GivenComponent;
  /** The file that the bytes came from; the signature file lies beside it. */
  readonly path: string | undefined;
  /** Names the signers of a module from the registry, whose client has already checked the signatures. */
  readonly signers?: (() => Promise<readonly string[]>) | undefined;
  readonly grants: readonly GrantInput[];
  /** A signature file's content, for bytes that did not come from a file. */
  readonly signature: Uint8Array | string | undefined;
}

const GRANTS = allow.listOf(allow.anything);

/** Decides whether a component may run and what it may do, and keeps that decision while the component is loaded. */
export class Admission implements MessagingAuthority {
  readonly #ports: AdmissionPorts;
  readonly #authorities = new Map<bigint, Authority>();
  readonly #networks = new WeakMap<Authority, ComponentNetwork>();
  readonly #connections: UnusedConnections;
  readonly #denials: FoldedDenials;

  constructor(ports: AdmissionPorts) {
    this.#ports = ports;
    this.#connections = new UnusedConnections(ports.clock);
    this.#denials = foldDenials(ports.onDenied, { clock: ports.clock });
  }

  /** @throws `SECURITY_UNTRUSTED`, `SECURITY_BAD_SIGNATURE`, `SECURITY_INVALID_GRANT` */
  async admit(request: AdmissionRequest): Promise<Authority> {
    const authority = await this.judge(request);
    this.accept(request.handle, authority);
    return authority;
  }

  /** Returns the authority that the component would get, without storing it. @throws as `admit` */
  async judge(request: AdmissionRequest): Promise<Authority> {
    const { policy, trust } = this.#ports;
    const component = formatComponentId(request.handle.id);
    const facts = trust === 'any' && policy === undefined ? undefined : await this.#facts(component, request);
    if (facts !== undefined) await this.#checkTrust(facts);
    const more = facts === undefined ? [] : await policy?.(facts);
    const authority = this.#authority(component);
    checkOptions(more ?? undefined, GRANTS, "the policy's answer");
    authority.grant([...request.grants, ...(more ?? [])]);
    return authority;
  }

  accept(handle: ComponentHandle, authority: Authority): void {
    this.#authorities.set(handle.handleId, authority);
  }

  /** Returns a component's authority. A component that is not loaded gets an empty one. */
  of(handle: ComponentHandle): Authority {
    return this.#authorities.get(handle?.handleId) ?? this.#authority(shownHandle(handle));
  }

  /** Returns the network of a component, which checks its grants at each use. */
  network(authority: Authority): ComponentNetwork {
    const network =
      this.#networks.get(authority) ?? new GuardedNetwork(authority, this.#connections, this.#ports.names);
    this.#networks.set(authority, network);
    return network;
  }

  authorise(from: ComponentHandle, action: MessagingAction, target: string): void {
    this.of(from).check('messaging', action, target);
  }

  /** Writes to the audit log that the component was loaded. */
  loaded(handle: ComponentHandle, component: GivenComponent): void {
    const id = formatComponentId(handle.id);
    const detail = component instanceof Uint8Array ? `${component.length} bytes` : component.digest;
    this.#ports.audit.append({ action: 'load', component: id, outcome: 'done', detail });
  }

  /**
   * Deletes the authority of a component that ended or failed to load, so that its handle no longer permits anything.
   * @param error why the load failed, which is written to the audit log; undefined for a component that ended
   */
  end(handle: ComponentHandle, error?: unknown): void {
    this.#authorities.delete(handle.handleId);
    if (error === undefined) return;
    const id = formatComponentId(handle.id);
    const outcome = isVivariumError(error) && error.code.startsWith('SECURITY_') ? 'denied' : 'failed';
    this.#ports.audit.append({ action: 'load', component: id, outcome, detail: messageOf(error) });
  }

  /** Reports the denials that were only counted so far. */
  close(): void {
    this.#denials.end();
  }

  #authority(component: string): Authority {
    const { audit, clock } = this.#ports;
    const onDenied = (denial: Denial): void => this.#denials.tell(denial);
    return new Authority({ component, capabilities: CapabilitySet.of([], clock), audit, onDenied });
  }

  async #facts(component: string, request: AdmissionRequest): Promise<LoadFacts> {
    const digest = request.component instanceof Uint8Array ? digestOf(request.component) : request.component.digest;
    const signers = request.signers === undefined ? await this.#signers(digest, request) : await request.signers();
    return { component, digest, signers };
  }

  async #checkTrust(facts: LoadFacts): Promise<void> {
    const { trust } = this.#ports;
    if (trust === 'any') return;
    if (trust === 'signed' ? facts.signers.length > 0 : await trust(facts)) return;
    throw new SecurityError(
      'SECURITY_UNTRUSTED',
      trust === 'signed'
        ? `${facts.component} (${facts.digest}) is not signed by a trusted key; sign it with 'viv sign', or load with its signature`
        : `${facts.component} (${facts.digest}) was refused by the trust policy of this runtime`,
      { details: { component: facts.component, digest: facts.digest } },
    );
  }

  /**
   * Returns the names of the trusted keys that signed the component. With `trust: 'signed'`, an invalid signature is an error
   * that gives the reason. Otherwise the component counts as unsigned, and the policy decides.
   */
  async #signers(digest: string, { path, signature }: AdmissionRequest): Promise<readonly string[]> {
    const { keys, clock, trust } = this.#ports;
    try {
      const envelope =
        signature !== undefined
          ? parseEnvelope(signature)
          : path === undefined
            ? undefined
            : await readSignatureFile(path);
      if (envelope === undefined) return [];
      const wanted = { digest, mediaType: COMPONENT_MEDIA_TYPE };
      const signers = await verifyStatement(envelope, wanted, { keys, now: clock.now() });
      return signers.map(({ name }) => name);
    } catch (error) {
      if (trust === 'signed' || !isVivariumError(error)) throw error;
      return [];
    }
  }
}
