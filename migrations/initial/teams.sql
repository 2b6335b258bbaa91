CREATE TABLE idempotency_records (
    caller_id varchar NOT NULL,
    key varchar NOT NULL,
    fingerprint bytea NOT NULL,
    status integer NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_idempotency_records PRIMARY KEY (caller_id, key)
);
CREATE INDEX ix_idempotency_records_created_at ON idempotency_records (created_at);

CREATE TABLE teams (
    id varchar NOT NULL,
    name varchar NOT NULL,
    slug varchar NOT NULL,
    metadata jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    archived_at timestamptz,
    CONSTRAINT pk_teams PRIMARY KEY (id),
    CONSTRAINT uq_teams_slug UNIQUE (slug)
);

CREATE TABLE api_keys (
    id varchar NOT NULL,
    team_id varchar,
    name varchar NOT NULL,
    prefix varchar NOT NULL,
    secret_hash bytea NOT NULL,
    scopes varchar[] NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    CONSTRAINT pk_api_keys PRIMARY KEY (id),
    CONSTRAINT fk_api_keys_team_id_teams FOREIGN KEY (team_id) REFERENCES teams (id),
    CONSTRAINT uq_api_keys_secret_hash UNIQUE (secret_hash)
);
CREATE INDEX ix_api_keys_team_id_created_at ON api_keys (team_id, created_at);
