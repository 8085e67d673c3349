// The part of WASI's files that the plugin uses. 64-bit numbers are plain ones in the engine that runs it.
declare module 'wasi:filesystem/preopens@0.2.0' {
  export interface Descriptor {
    openAt(
      pathFlags: { symlinkFollow?: boolean },
      path: string,
      openFlags: { create?: boolean; directory?: boolean; exclusive?: boolean; truncate?: boolean },
      flags: { read?: boolean; write?: boolean },
    ): Descriptor;
    write(bytes: Uint8Array, offset: number): number;
  }
  export function getDirectories(): [folder: Descriptor, path: string][];
}
