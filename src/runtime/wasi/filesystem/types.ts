import { createHmac, randomBytes } from 'node:crypto';
import { type Clock, Quota } from '#core';
import type { FileEntry, FileFacts, FileGuard } from '#security/access';
import type { HostLinker } from '../../host-linker.ts';
import type { CurrentStore, HostState } from '../../host-state.ts';
import { HostCharge } from '../host-charge.ts';
import type { Io } from '../io.ts';
import { answering } from './error-code.ts';
import { OpenFile } from './open-file.ts';
import { below, fileOffset } from './paths.ts';
import { datetimeOf, type NewTimestamp, newTimes } from './times.ts';

const TYPES: Readonly<Record<FileEntry['kind'], string>> = {
  file: 'regular-file',
  folder: 'directory',
  link: 'symbolic-link',
  other: 'unknown',
};

/** Folders that one store lists at a time, each kept whole, and what an entry costs beside its name. */
const MAX_LISTINGS = 8;
const ENTRY_BYTES = 128;

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

/** Makes the descriptor of a folder that the component finds open. */
export type OpenFolder = (path: string) => object;

/**
 * `wasi:filesystem/types`: descriptors of what a store's `FileGuard` lets it reach. A folder is a path, resolved and checked
 * at each use, a file is open. Nothing waits, so nothing can be flushed to the disk: `sync` is `unsupported`.
 */
export function defineFilesystemTypes(linker: HostLinker, current: CurrentStore, clock: Clock, io: Io): OpenFolder {
  const key = randomBytes(32);
  const listings = new WeakMap<HostState, Quota>();

  class Descriptor {
    readonly #charge: HostCharge;
    readonly #files: FileGuard;
    readonly #subject: Subject;
    readonly #flags: DescriptorFlags;

    constructor(subject: Subject, flags: DescriptorFlags) {
      this.#charge = new HostCharge(current.state, 'folder' in subject ? subject.folder.length : 0);
      this.#files = current.state.files();
      this.#subject = subject;
      this.#flags = flags;
    }

    readViaStream(offset: bigint): object {
      return answering(() => new io.InputStream(this.#open('read').source(fileOffset(offset))));
    }

    writeViaStream(offset: bigint): object {
      return answering(() => new io.OutputStream(this.#open('write').sink(fileOffset(offset))));
    }

    appendViaStream(): object {
      return answering(() => new io.OutputStream(this.#open('write').sink()));
    }

    /** What is read ahead is the host's own affair. */
    advise(): void {
      this.#open();
    }

    sync(): never {
      throw 'unsupported';
    }

    syncData(): never {
      throw 'unsupported';
    }

    getFlags(): DescriptorFlags {
      return this.#flags;
    }

    getType(): string {
      return 'open' in this.#subject ? 'regular-file' : 'directory';
    }

    setSize(size: bigint): void {
      answering(() => this.#open('write').file.resize(fileOffset(size)));
    }

    setTimes(accessed: NewTimestamp, modified: NewTimestamp): void {
      answering(() => {
        const times = newTimes(accessed, modified, clock.now());
        if ('open' in this.#subject) this.#subject.open.file.setTimes(times);
        else this.#files.setTimes(this.#subject.folder, times);
      });
    }

    read(length: bigint, offset: bigint): [Uint8Array, boolean] {
      return answering(() => {
        const wanted = Number(length);
        const bytes = this.#open('read').file.read(fileOffset(offset), wanted);
        return [bytes, bytes.length === 0 && wanted > 0];
      });
    }

    write(bytes: Uint8Array, offset: bigint): bigint {
      return answering(() => BigInt(this.#open('write').file.write(fileOffset(offset), bytes)));
    }

    readDirectory(): DirectoryEntryStream {
      return answering(() => opened(() => this.#files.list(this.#folder())));
    }

    createDirectoryAt(path: string): void {
      answering(() => this.#files.makeFolder(this.#at(path)));
    }

    stat(): object {
      return answering(() => statOf(this.#facts()));
    }

    statAt({ symlinkFollow = false }: PathFlags, path: string): object {
      return answering(() => statOf(this.#files.stat(this.#at(path), symlinkFollow)));
    }

    setTimesAt({ symlinkFollow }: PathFlags, path: string, accessed: NewTimestamp, modified: NewTimestamp): void {
      answering(() => this.#files.setTimes(this.#at(path), newTimes(accessed, modified, clock.now()), symlinkFollow));
    }

    linkAt({ symlinkFollow }: PathFlags, path: string, folder: Descriptor, name: string): void {
      answering(() => {
        if (symlinkFollow) throw 'invalid';
        this.#files.link(this.#at(path), folder.#at(name));
      });
    }

    openAt({ symlinkFollow }: PathFlags, path: string, how: OpenFlags, flags: DescriptorFlags): Descriptor {
      return answering(() => {
        const place = this.#at(path);
        const follow = symlinkFollow === true;
        if (how.directory) return this.#openFolder(place, follow, how, flags);
        const { create, exclusive, truncate } = how;
        const { read, write } = flags;
        try {
          const file = this.#files.open(place, { read, write, create, exclusive, truncate, noFollow: !follow });
          return new Descriptor({ open: new OpenFile(file, io) }, { read: read ?? false, write: write ?? false });
        } catch (error) {
          // What is opened to be read may turn out to be a folder.
          if (write || create || truncate || answered(error) !== 'is-directory') throw error;
          return this.#openFolder(place, follow, how, flags);
        }
      });
    }

    readlinkAt(path: string): string {
      return answering(() => this.#files.readLink(this.#at(path)));
    }

    removeDirectoryAt(path: string): void {
      answering(() => this.#files.removeFolder(this.#at(path)));
    }

    renameAt(path: string, folder: Descriptor, name: string): void {
      answering(() => this.#files.rename(this.#at(path), folder.#at(name)));
    }

    /** A link could lead anywhere once what it leads through is changed. */
    symlinkAt(): never {
      throw 'not-permitted';
    }

    unlinkFileAt(path: string): void {
      answering(() => this.#files.removeFile(this.#at(path)));
    }

    isSameObject(other: Descriptor): boolean {
      try {
        return this.#facts().identity === other.#facts().identity;
      } catch {
        return false;
      }
    }

    metadataHash(): object {
      return answering(() => hashOf(key, this.#facts()));
    }

    metadataHashAt({ symlinkFollow = false }: PathFlags, path: string): object {
      return answering(() => hashOf(key, this.#files.stat(this.#at(path), symlinkFollow)));
    }

    [Symbol.dispose](): void {
      this.#charge.end();
      if ('open' in this.#subject) this.#subject.open.release();
    }

    #openFolder(place: string, follow: boolean, { create, exclusive, truncate }: OpenFlags, flags: DescriptorFlags) {
      if (create || exclusive || truncate) throw 'invalid';
      if (flags.write) throw 'is-directory';
      return new Descriptor({ folder: this.#files.folder(place, follow) }, flags);
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

    #at(path: string): string {
      return below(this.#folder(), path);
    }

    #facts(): FileFacts {
      return 'open' in this.#subject ? this.#subject.open.file.stat() : this.#files.stat(this.#subject.folder);
    }
  }

  class DirectoryEntryStream {
    readonly #close: () => void;
    #entries: Iterator<FileEntry>;

    constructor(entries: readonly FileEntry[], close: () => void) {
      this.#entries = entries.values();
      this.#close = close;
    }

    readDirectoryEntry(): { type: string; name: string } | undefined {
      const { done, value } = this.#entries.next();
      return done ? undefined : { type: TYPES[value.kind], name: value.name };
    }

    [Symbol.dispose](): void {
      this.#close();
    }
  }

  /** @throws `insufficient-memory` for one stream too many, or for a folder too large beside what else is held */
  function opened(list: () => readonly FileEntry[]): DirectoryEntryStream {
    const { state } = current;
    const places = listings.get(state) ?? new Quota(MAX_LISTINGS);
    listings.set(state, places);
    if (!places.take(1)) throw 'insufficient-memory';
    const charge = new HostCharge(state);
    const close = (): void => {
      charge.end();
      places.giveBack(1);
    };
    try {
      const entries = list();
      if (!charge.take(entries.reduce((sum, { name }) => sum + ENTRY_BYTES + name.length, 0)))
        throw 'insufficient-memory';
      return new DirectoryEntryStream(entries, close);
    } catch (error) {
      close();
      throw error;
    }
  }

  linker.define('wasi:filesystem/types@0.2.0', {
    Descriptor,
    DirectoryEntryStream,
    filesystemErrorCode: (error: unknown) => {
      const code = io.codeOf(error);
      return typeof code === 'string' ? code : undefined;
    },
  });
  return (path) => new Descriptor({ folder: path }, { read: true, mutateDirectory: true });
}

/** The case that the guest would be told, where there is one. */
function answered(error: unknown): unknown {
  try {
    return answering(() => {
      throw error;
    });
  } catch (code) {
    return code;
  }
}

function statOf({ kind, links, size, accessedMs, modifiedMs, changedMs }: FileFacts): object {
  return {
    type: TYPES[kind],
    linkCount: BigInt(links),
    size: BigInt(size),
    dataAccessTimestamp: datetimeOf(accessedMs),
    dataModificationTimestamp: datetimeOf(modifiedMs),
    statusChangeTimestamp: datetimeOf(changedMs),
  };
}

/** Changes when the file does, and says nothing of where it lies: who has no key cannot try out what it might be. */
function hashOf(key: Uint8Array, { identity, size, modifiedMs }: FileFacts): { lower: bigint; upper: bigint } {
  const digest = createHmac('sha256', key).update(`${identity} ${size} ${modifiedMs}`).digest();
  return { lower: digest.readBigUInt64LE(0), upper: digest.readBigUInt64LE(8) };
}
