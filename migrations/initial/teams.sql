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
    left_jobs varchar,
    CONSTRAINT pk_teams PRIMARY KEY (id),
    CONSTRAINT uq_teams_slug UNIQUE (slug)
);

CREATE TABLE api_keys (
    id varchar NOT NULL,
    team_id varchar,
    name varchar NOT NULL,
    prefix varchar NOT NULL,
    scopes varchar[] NOT NULL,
    created_by varchar,
    ancestors varchar[] NOT NULL,
    bounds varchar[] NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    CONSTRAINT pk_api_keys PRIMARY KEY (id),
    CONSTRAINT fk_api_keys_team_id_teams FOREIGN KEY (team_id) REFERENCES teams (id)
);
CREATE INDEX ix_api_keys_team_id_created_at ON api_keys (team_id, created_at);

CREATE TABLE api_key_secrets (
    digest bytea NOT NULL,
    key_id varchar NOT NULL,
    prefix varchar NOT NULL,
    created_at timestamptz NOT NULL,
    ends_at timestamptz,
    CONSTRAINT pk_api_key_secrets PRIMARY KEY (digest),
    CONSTRAINT fk_api_key_secrets_key_id_api_keys FOREIGN KEY (key_id) REFERENCES api_keys (id)
);
CREATE INDEX ix_api_key_secrets_key_id ON api_key_secrets (key_id);

CREATE TABLE team_quotas (
    team_id varchar NOT NULL,
    name varchar NOT NULL,
    most bigint NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_team_quotas PRIMARY KEY (team_id, name),
    CONSTRAINT fk_team_quotas_team_id_teams FOREIGN KEY (team_id) REFERENCES teams (id),
    CONSTRAINT ck_team_quotas_most_not_negative CHECK (most >= 0)
);
