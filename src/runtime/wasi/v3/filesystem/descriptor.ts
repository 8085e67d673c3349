import type { GuestStream, HostState, HostStream } from '#runtime/host';
import { type Descriptor as Descriptor2, streamsOf } from '../../filesystem/descriptor.ts';
import { broken, incoming, outgoing, refused, type StreamResult } from '../streams.ts';
import { caseOf, inCases, inCasesLater } from './error-case.ts';
import { entrySource, typeOf } from './listing.ts';

/** The arguments of a method of version 0.2, without the caller. */
type Arguments<Name extends keyof Descriptor2> = Descriptor2[Name] extends (
  caller: HostState,
  ...args: infer A
) => unknown
  ? A
  : never;

/**
 * A descriptor of version 0.3: that of version 0.2 with streams and futures of the component model, and error codes that are a variant.
 * Its operations are as fast as those of 0.2, so most answer at once although their type is asynchronous.
 */
export class Descriptor {
  readonly #inner: Descriptor2;

  constructor(inner: Descriptor2) {
    this.#inner = inner;
  }

  readViaStream(caller: HostState, offset: bigint): [HostStream | readonly [], Promise<StreamResult>] {
    try {
      return outgoing(
        caller,
        inCases(() => streamsOf(this.#inner).source(offset, caseOf)),
      );
    } catch (failure) {
      return broken(failure);
    }
  }

  writeViaStream(caller: HostState, data: GuestStream, offset: bigint): Promise<StreamResult> {
    return this.#write(caller, data, offset);
  }

  appendViaStream(caller: HostState, data: GuestStream): Promise<StreamResult> {
    return this.#write(caller, data, undefined);
  }

  #write(caller: HostState, data: GuestStream, offset: bigint | undefined): Promise<StreamResult> {
    try {
      return incoming(
        caller,
        data,
        inCases(() => streamsOf(this.#inner).sink(offset, caseOf)),
      );
    } catch (failure) {
      return refused(data, failure);
    }
  }

  advise(): void {
    inCases(() => this.#inner.advise());
  }

  sync(caller: HostState): Promise<void> {
    return inCasesLater(async () => this.#inner.sync(caller));
  }

  syncData(caller: HostState): Promise<void> {
    return inCasesLater(async () => this.#inner.syncData(caller));
  }

  getFlags(): object {
    return this.#inner.getFlags();
  }

  getType(): object {
    return typeOf(this.#inner.getType());
  }

  setSize(...args: Parameters<Descriptor2['setSize']>): void {
    inCases(() => this.#inner.setSize(...args));
  }

  setTimes(...args: Parameters<Descriptor2['setTimes']>): void {
    inCases(() => this.#inner.setTimes(...args));
  }

  readDirectory(caller: HostState): [HostStream | readonly [], Promise<StreamResult>] {
    try {
      return outgoing(caller, entrySource(inCases(() => streamsOf(this.#inner).list(caller))));
    } catch (failure) {
      return broken(failure);
    }
  }

  createDirectoryAt(...args: Parameters<Descriptor2['createDirectoryAt']>): void {
    inCases(() => this.#inner.createDirectoryAt(...args));
  }

  stat(): object {
    return inCases(() => statOf(this.#inner.stat()));
  }

  statAt(...args: Parameters<Descriptor2['statAt']>): object {
    return inCases(() => statOf(this.#inner.statAt(...args)));
  }

  setTimesAt(...args: Parameters<Descriptor2['setTimesAt']>): void {
    inCases(() => this.#inner.setTimesAt(...args));
  }

  linkAt(caller: HostState, flags: Arguments<'linkAt'>[0], path: string, folder: Descriptor, name: string): void {
    inCases(() => this.#inner.linkAt(caller, flags, path, folder.#inner, name));
  }

  openAt(...args: Parameters<Descriptor2['openAt']>): Descriptor {
    return inCases(() => new Descriptor(this.#inner.openAt(...args)));
  }

  readlinkAt(...args: Parameters<Descriptor2['readlinkAt']>): string {
    return inCases(() => this.#inner.readlinkAt(...args));
  }

  removeDirectoryAt(...args: Parameters<Descriptor2['removeDirectoryAt']>): void {
    inCases(() => this.#inner.removeDirectoryAt(...args));
  }

  renameAt(caller: HostState, path: string, folder: Descriptor, name: string): void {
    inCases(() => this.#inner.renameAt(caller, path, folder.#inner, name));
  }

  symlinkAt(...args: Parameters<Descriptor2['symlinkAt']>): void {
    inCases(() => this.#inner.symlinkAt(...args));
  }

  unlinkFileAt(...args: Parameters<Descriptor2['unlinkFileAt']>): void {
    inCases(() => this.#inner.unlinkFileAt(...args));
  }

  isSameObject(caller: HostState, other: Descriptor): boolean {
    return this.#inner.isSameObject(caller, other.#inner);
  }

  metadataHash(): object {
    return inCases(() => this.#inner.metadataHash());
  }

  metadataHashAt(...args: Parameters<Descriptor2['metadataHashAt']>): object {
    return inCases(() => this.#inner.metadataHashAt(...args));
  }

  [Symbol.dispose](): void {
    this.#inner[Symbol.dispose]();
  }
}

function statOf(stat: object): object {
  return { ...stat, type: typeOf((stat as { readonly type: string }).type) };
}
