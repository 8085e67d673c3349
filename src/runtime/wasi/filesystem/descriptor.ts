import type { Clock } from '#core/ports/clock';
import type { HostState } from '#runtime/host';
import type { FileFacts, FileGuard } from '#security/access';
import type { ByteSink, ByteSource } from '../byte-streams.ts';
import { HostCharge } from '../host-charge.ts';
import { InputStream, OutputStream } from '../io.ts';
import { answering, answeringLater } from './error-code.ts';
import { listed, openListing } from './listings.ts';
import { OpenFile } from './open-file.ts';
import { below, endsInDot, fileOffset, namesFolder } from './paths.ts';
import { hashOf, statOf } from './stat.ts';
import { type NewTimestamp, newTimes } from './times.ts';

interface PathFlags {
  readonly symlinkFollow?: boolean;
}

interface OpenFlags {
  readonly create?: boolean;
  readonly directory?: boolean;
  readonly exclusive?: boolean;
  readonly truncate?: boolean;
}

interface DescriptorFlags {
  readonly read?: boolean;
  readonly write?: boolean;
  readonly mutateDirectory?: boolean;
}

type Subject = { readonly open: OpenFile } | { readonly folder: string };

/** What all descriptors of a runtime use: its clock, and a key that keeps the identities of files secret. */
export interface DescriptorHost {
  readonly clock: Clock;
  readonly key: Uint8Array;
}

let implementation: (descriptor: Descriptor) => DescriptorStreams;

/** What the streams of a descriptor read and write, for faces of other versions than 0.2. Errors are thrown as codes. */
interface DescriptorStreams {
  source(offset: bigint, failed: (code: string) => unknown): ByteSource;
  /** @param offset where writing begins; without it, each write appends */
  sink(offset: bigint | undefined, failed: (code: string) => unknown): ByteSink;
  list(caller: HostState): ReturnType<typeof listed>;
}

/** It is a function and no method, because guests can call every method of a class that they are given. */
export function streamsOf(descriptor: Descriptor): DescriptorStreams {
  return implementation(descriptor);
}

/**
 * A descriptor of a file or folder that a store's `FileGuard` lets it reach. The descriptor of a folder holds a path, which the guard
 * resolves and checks at each use; the descriptor of a file holds an open file. All operations but the two of `sync` complete at once.
 */
export class Descriptor {
  readonly #host: DescriptorHost;
  readonly #charge: HostCharge;
  readonly #files: FileGuard;
  readonly #subject: Subject;
  readonly #flags: DescriptorFlags;

  static {
    implementation = (descriptor) => ({
      source: (offset, failed) => answering(() => descriptor.#open('read').source(fileOffset(offset), failed)),
      sink: (offset, failed) =>
        answering(() => descriptor.#open('write').sink(offset === undefined ? offset : fileOffset(offset), failed)),
      list: (caller) => answering(() => listed(caller, () => descriptor.#files.list(descriptor.#folder()))),
    });
  }

  constructor(caller: HostState, host: DescriptorHost, subject: Subject, flags: DescriptorFlags) {
    this.#host = host;
    this.#charge = new HostCharge(caller, 'folder' in subject ? subject.folder.length : 0);
    this.#files = caller.files();
    this.#subject = subject;
    this.#flags = flags;
  }

  readViaStream(caller: HostState, offset: bigint): object {
    return answering(() => new InputStream(caller, this.#open('read').source(fileOffset(offset))));
  }

  writeViaStream(caller: HostState, offset: bigint): object {
    return answering(() => new OutputStream(caller, this.#open('write').sink(fileOffset(offset))));
  }

  appendViaStream(caller: HostState): object {
    return answering(() => new OutputStream(caller, this.#open('write').sink()));
  }

  /** Checks the descriptor only: the host decides by itself what to read ahead. */
  advise(): void {
    this.#open();
  }

  sync(caller: HostState): Promise<void> {
    return this.#flush(caller, false);
  }

  syncData(caller: HostState): Promise<void> {
    return this.#flush(caller, true);
  }

  getFlags(): DescriptorFlags {
    return this.#flags;
  }

  getType(): string {
    return 'open' in this.#subject ? 'regular-file' : 'directory';
  }

  setSize(_: HostState, size: bigint): void {
    answering(() => this.#open('write').file.resize(fileOffset(size)));
  }

  setTimes(_: HostState, accessed: NewTimestamp, modified: NewTimestamp): void {
    answering(() => {
      const times = newTimes(accessed, modified, this.#host.clock.now());
      if ('open' in this.#subject) this.#subject.open.file.setTimes(times);
      else this.#files.setTimes(this.#subject.folder, times);
    });
  }

  read(_: HostState, length: bigint, offset: bigint): [Uint8Array, boolean] {
    return answering(() => {
      const wanted = Number(length);
      const bytes = this.#open('read').file.read(fileOffset(offset), wanted);
      return [bytes, bytes.length === 0 && wanted > 0];
    });
  }

  write(_: HostState, bytes: Uint8Array, offset: bigint): bigint {
    return answering(() => BigInt(this.#open('write').file.write(fileOffset(offset), bytes)));
  }

  readDirectory(caller: HostState): object {
    return answering(() => openListing(caller, () => this.#files.list(this.#folder())));
  }

  createDirectoryAt(_: HostState, path: string): void {
    answering(() => {
      const place = this.#at(path);
      if (endsInDot(path)) {
        this.#files.stat(place);
        throw 'exist';
      }
      this.#files.makeFolder(place);
    });
  }

  stat(): object {
    return answering(() => statOf(this.#facts()));
  }

  statAt(_: HostState, { symlinkFollow = false }: PathFlags, path: string): object {
    return answering(() => statOf(this.#factsAt(path, symlinkFollow)));
  }

  setTimesAt(
    _: HostState,
    { symlinkFollow }: PathFlags,
    path: string,
    accessed: NewTimestamp,
    modified: NewTimestamp,
  ): void {
    answering(() => {
      const follow = this.#asFolder(path) || symlinkFollow;
      this.#files.setTimes(this.#at(path), newTimes(accessed, modified, this.#host.clock.now()), follow);
    });
  }

  linkAt(_: HostState, { symlinkFollow }: PathFlags, path: string, folder: Descriptor, name: string): void {
    answering(() => {
      if (symlinkFollow) throw 'invalid';
      this.#fileOnly(path);
      if (namesFolder(name)) throw 'not-directory';
      this.#files.link(this.#at(path), folder.#at(name));
    });
  }

  openAt(
    caller: HostState,
    { symlinkFollow }: PathFlags,
    path: string,
    how: OpenFlags,
    flags: DescriptorFlags,
  ): Descriptor {
    return answering(() => {
      const place = this.#at(path);
      const asFolder = namesFolder(path);
      const follow = symlinkFollow === true || asFolder;
      if (asFolder && how.create) throw answered(() => this.#asFolder(path)) ?? 'is-directory';
      if (asFolder) this.#asFolder(path);
      if (how.directory || asFolder) return this.#openFolder(caller, place, follow, how, flags);
      const { create, exclusive, truncate } = how;
      const { read, write } = flags;
      try {
        const file = this.#files.open(place, { read, write, create, exclusive, truncate, noFollow: !follow });
        return new Descriptor(
          caller,
          this.#host,
          { open: new OpenFile(caller, file) },
          { read: read ?? false, write: write ?? false },
        );
      } catch (error) {
        // A path that is opened for reading may turn out to be a folder.
        if (write || create || truncate || answered(() => fail(error)) !== 'is-directory') throw error;
        return this.#openFolder(caller, place, follow, how, flags);
      }
    });
  }

  readlinkAt(_: HostState, path: string): string {
    return answering(() => {
      if (this.#asFolder(path)) throw 'invalid';
      return this.#files.readLink(this.#at(path));
    });
  }

  removeDirectoryAt(caller: HostState, path: string): void {
    answering(() => {
      const place = this.#at(path);
      // The guard refuses to remove a preopened folder, whichever name the guest uses for it.
      const opened = caller.context.preopens.some(({ guestPath }) => guestPath === place);
      if (endsInDot(path) && !opened) throw 'invalid';
      this.#files.removeFolder(place);
    });
  }

  renameAt(_: HostState, path: string, folder: Descriptor, name: string): void {
    answering(() => {
      const from = this.#at(path);
      const isFolder = this.#asFolder(path) || this.#files.stat(from, false).kind === 'folder';
      // Only a folder may be named as one.
      if (namesFolder(name) && !isFolder) throw 'not-directory';
      if (endsInDot(path) || endsInDot(name)) throw 'busy';
      this.#files.rename(from, folder.#at(name));
    });
  }

  symlinkAt(_: HostState, target: string, path: string): void {
    answering(() => {
      if (namesFolder(path)) throw 'invalid';
      this.#files.makeLink(target, this.#at(path));
    });
  }

  unlinkFileAt(_: HostState, path: string): void {
    answering(() => {
      this.#fileOnly(path);
      this.#files.removeFile(this.#at(path));
    });
  }

  isSameObject(_: HostState, other: Descriptor): boolean {
    try {
      return this.#facts().identity === other.#facts().identity;
    } catch {
      return false;
    }
  }

  metadataHash(): object {
    return answering(() => hashOf(this.#host.key, this.#facts()));
  }

  metadataHashAt(_: HostState, { symlinkFollow = false }: PathFlags, path: string): object {
    return answering(() => hashOf(this.#host.key, this.#factsAt(path, symlinkFollow)));
  }

  [Symbol.dispose](): void {
    this.#charge.end();
    if ('open' in this.#subject) this.#subject.open.release();
  }

  /** Writes cached data to the disk. The disk may take long, so a turn that cannot wait gets `unsupported`. */
  #flush(caller: HostState, dataOnly: boolean): Promise<void> {
    if (!caller.mayWait) throw 'unsupported';
    if (!('open' in this.#subject)) return answeringLater(() => this.#files.syncFolder(this.#folder()));
    const { file } = this.#subject.open;
    return answeringLater(() => file.sync(this.#flags.write === true ? 'write' : 'read', dataOnly));
  }

  #openFolder(
    caller: HostState,
    place: string,
    follow: boolean,
    { create, exclusive, truncate }: OpenFlags,
    flags: DescriptorFlags,
  ): Descriptor {
    if (create || exclusive || truncate) throw 'invalid';
    if (flags.write) throw 'is-directory';
    return new Descriptor(caller, this.#host, { folder: this.#files.folder(place, follow) }, flags);
  }

  #open(action?: 'read' | 'write'): OpenFile {
    if (!('open' in this.#subject)) throw 'is-directory';
    if (action !== undefined && this.#flags[action] !== true) throw 'bad-descriptor';
    return this.#subject.open;
  }

  #folder(): string {
    if (!('folder' in this.#subject)) throw 'not-directory';
    return this.#subject.folder;
  }

  /** Refuses a path that ends like a folder's, whatever it leads to. The operations on files alone call this. */
  #fileOnly(path: string): void {
    if (namesFolder(path)) throw this.#notAFile(path);
  }

  /** The error for a path that ends like a folder's where a file is required. */
  #notAFile(path: string): string {
    this.#asFolder(path);
    return 'is-directory';
  }

  /** Whether a path ends like a folder's. If so it must lead to a folder, possibly through a link. @throws `not-directory` */
  #asFolder(path: string): boolean {
    if (!namesFolder(path)) return false;
    if (this.#files.stat(this.#at(path)).kind !== 'folder') throw 'not-directory';
    return true;
  }

  #factsAt(path: string, follow: boolean): FileFacts {
    return this.#files.stat(this.#at(path), this.#asFolder(path) || follow);
  }

  #at(path: string): string {
    return below(this.#folder(), path);
  }

  #facts(): FileFacts {
    return 'open' in this.#subject ? this.#subject.open.file.stat() : this.#files.stat(this.#subject.folder);
  }
}

function fail(error: unknown): never {
  throw error;
}

/** Runs an operation and returns the error case that the guest would get; undefined if it succeeds. */
function answered(operation: () => unknown): unknown {
  try {
    answering(operation);
    return undefined;
  } catch (code) {
    return code;
  }
}
