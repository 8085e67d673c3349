/** The beginning of every table's name, because the database may be shared with other programs. */
export const PREFIX: string = 'vivarium_';

/**
 * What each version of the schema adds. A released entry never changes; later ones are appended. Ids are compared by
 * their bytes, as in the other index, whatever the database's collation.
 */
export const POSTGRES_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE vivarium_modules (
    id text COLLATE "C" PRIMARY KEY,
    storage_pointer text NOT NULL UNIQUE,
    size bigint NOT NULL,
    interface_hash text NOT NULL,
    requires_hash text NOT NULL,
    requires jsonb NOT NULL,
    name text NOT NULL,
    version text NOT NULL,
    description text NOT NULL,
    supersedes text,
    embedder_id text,
    embedding bytea,
    validation_status text NOT NULL CHECK (validation_status IN ('pending', 'verified', 'revoked')),
    signature text NOT NULL,
    key_id text NOT NULL,
    verification text,
    revocation text,
    created_at bigint NOT NULL,
    last_used_at bigint,
    use_count bigint NOT NULL,
    changed bigint NOT NULL
  );
  CREATE UNIQUE INDEX vivarium_modules_changed ON vivarium_modules (interface_hash, changed);
  CREATE INDEX vivarium_modules_newest
    ON vivarium_modules (interface_hash, validation_status, created_at DESC, use_count DESC, id);
  CREATE INDEX vivarium_modules_supersedes ON vivarium_modules (supersedes) WHERE supersedes IS NOT NULL;
  CREATE TABLE vivarium_interfaces (
    interface_hash text PRIMARY KEY,
    version bigint NOT NULL,
    generation bigint NOT NULL
  );
  CREATE TABLE vivarium_embedder (
    one integer PRIMARY KEY CHECK (one = 1),
    id text NOT NULL,
    dimensions integer NOT NULL
  );
  CREATE TABLE vivarium_lookups (
    at bigint NOT NULL,
    request_hash text NOT NULL,
    interface_hash text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('hit', 'miss', 'refused', 'failed')),
    module_id text,
    elapsed_ms double precision NOT NULL
  );
  CREATE INDEX vivarium_lookups_at ON vivarium_lookups (at);
  CREATE TABLE vivarium_condemned (
    storage_pointer text PRIMARY KEY,
    until bigint NOT NULL
  );
  `,
];
