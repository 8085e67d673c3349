/**
 * What each version of the schema adds. A released entry never changes; later ones are appended. Tables are STRICT, so
 * that a column holds what its type says.
 */
export const SQLITE_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE modules (
    id TEXT PRIMARY KEY,
    storage_pointer TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    interface_hash TEXT NOT NULL,
    requires_hash TEXT NOT NULL,
    requires TEXT NOT NULL CHECK (json_valid(requires)),
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    description TEXT NOT NULL,
    supersedes TEXT,
    embedder_id TEXT,
    embedding BLOB,
    validation_status TEXT NOT NULL CHECK (validation_status IN ('pending', 'verified', 'revoked')),
    signature TEXT NOT NULL,
    key_id TEXT NOT NULL,
    verification TEXT,
    revocation TEXT,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    use_count INTEGER NOT NULL,
    changed INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX modules_changed ON modules (interface_hash, changed);
  CREATE INDEX modules_newest ON modules (interface_hash, validation_status, created_at DESC, use_count DESC, id);
  CREATE INDEX modules_rank ON modules (interface_hash, use_count DESC, created_at, id);
  CREATE INDEX modules_supersedes ON modules (supersedes) WHERE supersedes IS NOT NULL;
  CREATE TABLE interfaces (
    interface_hash TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    generation INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE embedder (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    dimensions INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE lookups (
    at INTEGER NOT NULL,
    request_hash TEXT NOT NULL,
    interface_hash TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('hit', 'miss', 'refused', 'failed')),
    module_id TEXT,
    elapsed_ms REAL NOT NULL
  ) STRICT;
  CREATE INDEX lookups_at ON lookups (at);
  CREATE INDEX lookups_outcome ON lookups (interface_hash, outcome, elapsed_ms);
  CREATE TABLE condemned (
    storage_pointer TEXT PRIMARY KEY,
    until INTEGER NOT NULL
  ) STRICT;
  `,
];
