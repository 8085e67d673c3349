@0xca7eca7eca7eca7e;
# The lockfile of the portable cache, version 0.1.0. Fields are only ever added, never renumbered.

struct CacheLockfile {
  meta @0 :Meta;
  sources @1 :List(SourceEntry);
  topology @2 :List(TopologyEdge);
  # BLAKE3 over the chunk hashes, concatenated in the order of `sources`.
  root @3 :Hash;
}

struct Meta {
  producer @0 :Text;
  producerVersion @1 :Text;
  schemaVersion @2 :Text;
  inputProcessors @3 :List(ProcessorVersion);
  generatedAtMs @4 :UInt64;
}

struct ProcessorVersion {
  kind @0 :Text;
  version @1 :Text;
}

struct SourceEntry {
  path @0 :Text;
  # BLAKE3 of the raw input.
  inputHash @1 :Hash;
  # BLAKE3 of the chunk; its name in the chunk store.
  chunkHash @2 :Hash;
  kind @3 :Text;
}

struct TopologyEdge {
  from @0 :Text;
  toSource @1 :Text;
}

struct Hash {
  # Exactly 32 bytes.
  bytes @0 :Data;
}
